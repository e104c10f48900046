"""Targets: ways to run the agent at a version."""
