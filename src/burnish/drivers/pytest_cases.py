"""Cases as pytest runs them, for `pytest_plugin.py`, which imports this once an agent is named.

Each case is a test of the checkout as it is, without a base: a must-pass case fails after a second try, any other is
an expected failure (`--burnish-strict` makes it fail too), and what could not be measured is skipped, never passed.
What agents and models said goes through `visible` before pytest prints it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from burnish.domain.suite import Case, CaseResult, read_cases
from burnish.drivers.figures import readable
from burnish.drivers.visible import one_line, visible
from burnish.errors import BurnishError, InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["CaseFile", "CaseItem", "Suite", "suite_of"]


class CaseFile(pytest.File):
    """One file of cases."""

    def collect(self) -> "Iterable[CaseItem]":
        """A test a case."""
        try:
            cases = read_cases({self.path.name: self.path.read_text(encoding="utf-8")})
        except (InputError, UnicodeDecodeError) as error:
            raise self.CollectError(visible(str(error))) from error
        for case in cases:
            item: CaseItem = CaseItem.from_parent(self, name=one_line(case.id), case=case)
            yield item


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.case = case

    def runtest(self) -> None:
        """Fail, skip or pass by how the case stands. All cases of the session run together, at the first of them."""
        result = suite_of(self.config).results(self.session).get(self.case.id)
        if result is None:
            raise NotFoundError(
                f"case '{self.case.id}' was not run: {self.path} is no part of the checkout. Does git ignore it "
                "(git check-ignore -v says)? Only what git would commit is tested."
            )
        strict = self.case.must_pass or self.config.getoption("burnish_strict")
        state, reason = result.state.value, one_line(result.reason)
        if state == "unmeasured":
            pytest.skip(f"unmeasured: {reason}")
        if state == "flaky":
            self.user_properties.append(("burnish", "flaky: it failed, then passed when it was tried again"))
            self.add_report_section("call", "burnish", f"flaky: {reason}")
        if state == "failing":
            if strict:
                raise CaseFailedError(result)
            pytest.xfail(f"not a must-pass case: {reason}")

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The case beside what came out, instead of our own frames."""
        if isinstance(excinfo.value, CaseFailedError):
            return excinfo.value.text()
        if isinstance(excinfo.value, BurnishError):
            return visible(f"burnish: {excinfo.value}")
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case stands."""
        return self.path, None, self.name


class CaseFailedError(Exception):
    """A case did not pass."""

    def __init__(self, result: CaseResult) -> None:
        super().__init__(result)
        self.result = result

    def text(self) -> str:
        """The case as its reader needs it."""
        found = self.result
        lines = [f"case '{found.id}': {found.reason}", "input:    " + readable(found.input)]
        if found.expected is not None:
            lines.append("expected: " + readable(found.expected))
        lines += [f"criteria: {text}" for text in found.criteria]
        lines.append("output:   " + (readable(found.output_after) or "none"))
        return visible("\n".join(lines))


class Suite:
    """The agent's suite in this session."""

    def __init__(self, config: pytest.Config) -> None:
        from burnish.project import load_agent
        from burnish.settings import Settings

        given = config.getoption("burnish_project")
        folder = (Path(given) if given else Settings().project).expanduser().resolve()
        self._settings = Settings(project=folder, _env_file=folder / ".env")
        self._agent = str(config.getoption("burnish_agent"))
        try:
            evals = load_agent(folder, self._agent).repository.evals_dir.strip("/")
        except BurnishError as error:
            raise pytest.UsageError(visible(str(error))) from error
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


_KEY = pytest.StashKey[Suite]()


def suite_of(config: pytest.Config) -> Suite:
    """The session's one suite. Raises pytest.UsageError where its agent or its configuration is not there."""
    if _KEY not in config.stash:
        config.stash[_KEY] = Suite(config)
    return config.stash[_KEY]


def _checkouts(start: Path) -> "Iterator[Path]":
    return (folder for folder in (start, *start.parents) if (folder / ".git").exists())
