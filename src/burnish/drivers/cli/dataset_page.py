"""A dataset on the terminal."""

from collections.abc import Sequence

from burnish.domain.dataset_versions import DatasetDiff, DatasetVersion, SplitDiff
from burnish.domain.datasets import Dataset, Split
from burnish.domain.wear import Wear, worn_text
from burnish.drivers.cli.output import Column, console, heading, print_text, table
from burnish.drivers.figures import moment, percent

__all__ = ["print_dataset", "print_diff"]


def print_dataset(dataset: Dataset, versions: Sequence[DatasetVersion], wear: Wear) -> None:
    """Counts, wear of the held-out split, and a row a version."""
    console().print(f"{dataset.agent} / {dataset.name}", style="bold")
    counts = ", ".join(f"{split.value.replace('_', '-')} {count}" for split, count in dataset.counts.items())
    console().print(f"{counts} · {dataset.fingerprint}", style="dim")
    heading("wear of held-out examples (nights on which the gate measured them)")
    if wear.examples:
        print_text(
            f"median {wear.median:g}, most {wear.most}; {wear.worn} of {wear.examples} "
            f"({percent(wear.share)}) over {wear.worn_after}, which is worn"
        )
        table(
            [Column("nights", right=True), Column("examples", right=True)],
            [(str(nights), str(count)) for nights, count in wear.uses.items()],
        )
    if warning := worn_text(wear):
        print_text(warning, style="yellow")
    heading("versions (added, changed and retired by split)")
    table(
        [
            Column("version", right=True),
            Column("since (UTC)"),
            Column("train"),
            Column("dev"),
            Column("held-out"),
            Column("fingerprint"),
        ],
        [
            (
                str(version.number),
                moment(version.created_at),
                *(f"{version.counts[split]} ({_change(version.diff[split])})" for split in Split),
                version.fingerprint,
            )
            for version in versions
        ],
    )


def print_diff(diff: DatasetDiff) -> None:
    """A part a split; ids of train and dev examples, counts alone of held-out ones."""
    console().print(f"{diff.agent} / {diff.name}, version {diff.since} to {diff.until}", style="bold")
    for split, part in diff.splits.items():
        heading(f"{split.value.replace('_', '-')}: {_change(part)}")
        if part.ids is not None:
            for sign, ids in (("+", part.ids.added), ("~", part.ids.changed), ("-", part.ids.retired)):
                for example_id in ids:
                    print_text(f"{sign} {example_id}", indent=2)


def _change(part: SplitDiff) -> str:
    return f"+{part.added} ~{part.changed} -{part.retired}"
