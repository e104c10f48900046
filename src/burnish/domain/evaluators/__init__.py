"""Evaluators as values: code checks, trajectory checks and LLM judges."""
