"""The suite's cases as pytest tests: `pytest --burnish-agent NAME evals/`.

Without that option this does nothing; pytest loads it for everybody, so it imports nothing until cases are asked for.
Each case is a test of the checkout as it is, without a base: a must-pass case fails after a second try, any other is
an expected failure (`--burnish-strict` makes it fail too), and what could not be measured is skipped, never passed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from burnish.domain.suite import Case, CaseResult

__all__ = ["CaseFile", "CaseItem"]

SUFFIXES = (".yaml", ".yml", ".jsonl")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options."""
    group = parser.getgroup("burnish", "cases of burnish's permanent suite")
    group.addoption("--burnish-agent", metavar="NAME", help="Run the cases in evals/ as tests of this agent.")
    group.addoption("--burnish-project", metavar="DIR", help="burnish's project. Default: BURNISH_PROJECT, else here.")
    group.addoption("--burnish-strict", action="store_true", help="Cases that need not pass fail their tests too.")


def pytest_configure(config: pytest.Config) -> None:
    """An agent that is not there is wrong usage, said before anything is collected."""
    if config.getoption("burnish_agent"):
        _suite(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "CaseFile | None":
    """Case files, where an agent was named and the file lies in its evals folder."""
    if file_path.suffix not in SUFFIXES or not parent.config.getoption("burnish_agent"):
        return None
    suite = _suite(parent.config)
    return CaseFile.from_parent(parent, path=file_path) if suite.holds(file_path) else None


class CaseFile(pytest.File):
    """One file of cases."""

    def collect(self) -> "Iterable[CaseItem]":
        """A test a case."""
        from burnish.domain.suite import read_cases
        from burnish.errors import InputError

        try:
            cases = read_cases({self.path.name: self.path.read_text(encoding="utf-8")})
        except (InputError, UnicodeDecodeError) as error:
            raise self.CollectError(str(error)) from error
        for case in cases:
            item: CaseItem = CaseItem.from_parent(self, name=case.id, case=case)
            yield item


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: "Case", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.case = case

    def runtest(self) -> None:
        """Fail, skip or pass by how the case stands. All cases of the session run together, at the first of them."""
        result = _suite(self.config).results(self.session)[self.case.id]
        strict = self.case.must_pass or self.config.getoption("burnish_strict")
        state = result.state.value
        if state == "unmeasured":
            pytest.skip(f"unmeasured: {result.reason}")
        if state == "flaky":
            self.user_properties.append(("burnish", "flaky: it failed, then passed when it was tried again"))
            self.add_report_section("call", "burnish", f"flaky: {result.reason}")
        if state == "failing":
            if strict:
                raise CaseFailedError(result)
            pytest.xfail(f"not a must-pass case: {result.reason}")

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The case beside what came out, instead of our own frames."""
        if isinstance(excinfo.value, CaseFailedError):
            return excinfo.value.text()
        from burnish.errors import BurnishError

        if isinstance(excinfo.value, BurnishError):
            return f"burnish: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case stands."""
        return self.path, None, self.name


class CaseFailedError(Exception):
    """A case did not pass."""

    def __init__(self, result: "CaseResult") -> None:
        super().__init__(result)
        self.result = result

    def text(self) -> str:
        """The case as its reader needs it."""
        from burnish.drivers.figures import readable
        from burnish.drivers.visible import visible

        found = self.result
        lines = [f"case '{found.id}': {found.reason}", "input:    " + readable(found.input)]
        if found.expected is not None:
            lines.append("expected: " + readable(found.expected))
        lines += [f"criteria: {text}" for text in found.criteria]
        lines.append("output:   " + (readable(found.output_after) or "none"))
        return visible("\n".join(lines))


class _Suite:
    """The agent's suite in this session."""

    def __init__(self, config: pytest.Config) -> None:
        from burnish.errors import BurnishError
        from burnish.project import load_agent
        from burnish.settings import Settings

        given = config.getoption("burnish_project")
        folder = (Path(given) if given else Settings().project).expanduser().resolve()
        self._settings = Settings(project=folder, _env_file=folder / ".env")
        self._agent = str(config.getoption("burnish_agent"))
        try:
            evals = load_agent(folder, self._agent).repository.evals_dir.strip("/")
        except BurnishError as error:
            raise pytest.UsageError(str(error)) from error
        self._root = next(_checkouts(config.rootpath), config.rootpath)
        self._evals = self._root / evals if evals else None
        self._results: dict[str, CaseResult] | None = None
        self._error: Exception | None = None

    def holds(self, path: Path) -> bool:
        """Whether a file lies in the evals folder."""
        return self._evals is not None and path.resolve().is_relative_to(self._evals.resolve())

    def results(self, session: pytest.Session) -> "dict[str, CaseResult]":
        """How the session's cases stand; run once."""
        import asyncio

        from burnish.loop.suite import check_cases

        if self._error is not None:
            raise self._error
        if self._results is None:
            ids = [item.case.id for item in session.items if isinstance(item, CaseItem)]
            try:
                self._results = asyncio.run(check_cases(self._settings, self._agent, self._root, ids))
            except Exception as error:
                self._error = error
                raise
        return self._results


_KEY = pytest.StashKey[_Suite]()


def _suite(config: pytest.Config) -> _Suite:
    if _KEY not in config.stash:
        config.stash[_KEY] = _Suite(config)
    return config.stash[_KEY]


def _checkouts(start: Path) -> "Iterator[Path]":
    return (folder for folder in (start, *start.parents) if (folder / ".git").exists())
