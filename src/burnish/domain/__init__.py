"""What the words mean: traces, feedback, datasets, experiments, proposals, verdicts. No I/O and no services."""
