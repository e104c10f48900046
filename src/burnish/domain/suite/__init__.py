"""The permanent suite: cases kept in the agent's own repository, and what a change may do to them.

`cases` reads and writes the files, `verdict` holds the values, `decide` answers whether a change may pass.
"""

from burnish.domain.suite.cases import Case, not_yet_in, read_cases, write_cases
from burnish.domain.suite.decide import Measurement, decide_suite, must_retry, standings
from burnish.domain.suite.verdict import (
    CaseResult,
    CaseState,
    SuiteGuard,
    SuiteMetric,
    SuiteOutcome,
    SuiteRule,
    SuiteVerdict,
)

__all__ = [
    "Case",
    "CaseResult",
    "CaseState",
    "Measurement",
    "SuiteGuard",
    "SuiteMetric",
    "SuiteOutcome",
    "SuiteRule",
    "SuiteVerdict",
    "decide_suite",
    "must_retry",
    "not_yet_in",
    "read_cases",
    "standings",
    "write_cases",
]
