"""The suite's cases as pytest tests: `pytest --burnish-agent NAME evals/`.

pytest loads this for everybody who has burnish installed, in projects that have nothing to do with it. So it imports
the standard library alone and does nothing until an agent is named; `drivers/pytest_cases.py` is the rest.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from burnish.drivers.pytest_cases import CaseFile

__all__ = ["pytest_addoption", "pytest_collect_file", "pytest_configure"]

SUFFIXES = (".yaml", ".yml", ".jsonl")


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Our options."""
    group = parser.getgroup("burnish", "cases of burnish's permanent suite")
    group.addoption("--burnish-agent", metavar="NAME", help="Run the cases in evals/ as tests of this agent.")
    group.addoption("--burnish-project", metavar="DIR", help="burnish's project. Default: BURNISH_PROJECT, else here.")
    group.addoption("--burnish-strict", action="store_true", help="Cases that need not pass fail their tests too.")


def pytest_configure(config: "pytest.Config") -> None:
    """An agent that is not there is wrong usage, said before anything is collected."""
    if config.getoption("burnish_agent", None):
        from burnish.drivers.pytest_cases import suite_of

        suite_of(config)


def pytest_collect_file(file_path: "Path", parent: "pytest.Collector") -> "CaseFile | None":
    """Case files, where an agent was named and the file lies in its evals folder."""
    if file_path.suffix not in SUFFIXES or not parent.config.getoption("burnish_agent", None):
        return None
    from burnish.drivers.pytest_cases import CaseFile, suite_of

    return CaseFile.from_parent(parent, path=file_path) if suite_of(parent.config).holds(file_path) else None
