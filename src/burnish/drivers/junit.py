"""A suite's verdict as JUnit XML, which CI systems show as tests.

Only what fails the gate is a failure: a broken case that need not pass by itself counts through its metric. What could
not be measured or shown is skipped, with the reason.
"""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from burnish.domain.base import Json
from burnish.domain.suite import CaseResult, CaseState, SuiteGuard, SuiteMetric, SuiteOutcome, SuiteVerdict
from burnish.drivers.figures import readable
from burnish.drivers.visible import shorten, visible

__all__ = ["junit"]

TEXT_LIMIT = 4_000

# What XML 1.0 cannot hold; `visible` has written out most of it already.
_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: SuiteVerdict) -> str:
    """One suite of the cases, one of the metrics and guards."""
    cases = [_case(result, verdict.agent) for result in verdict.cases]
    judged: list[SuiteMetric | SuiteGuard] = [*verdict.metrics, *verdict.guards]
    measures = [*(_measure(item, verdict.agent) for item in judged), _whole(verdict)]
    root = Element("testsuites", {"name": "burnish gate", **_counts([*cases, *measures])})
    for name, found in (("cases", cases), ("metrics", measures)):
        suite = SubElement(root, "testsuite", {"name": f"burnish.{verdict.agent}.{name}", **_counts(found)})
        suite.extend(found)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _counts(found: list[Element]) -> dict[str, str]:
    seconds = sum(float(case.get("time", "0")) for case in found)
    return {
        "tests": str(len(found)),
        "failures": str(sum(case.find("failure") is not None for case in found)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in found)),
        "time": f"{seconds:.3f}",
    }


def _case(result: CaseResult, agent: str) -> Element:
    case = Element("testcase", classname=f"burnish.{agent}", name=_fit(result.id), time=f"{result.seconds:.3f}")
    said = f"{result.state.value}{': ' if result.reason else ''}{result.reason}"
    if result.must_pass and result.state is CaseState.BROKEN:
        SubElement(case, "failure", type="broken", message=_fit(said)).text = _details(result)
    elif result.state is CaseState.UNMEASURED or (result.must_pass and result.state is CaseState.FAILING):
        SubElement(case, "skipped", message=_fit(said))
    if result.state not in (CaseState.PASSED, CaseState.UNMEASURED) and case.find("failure") is None:
        SubElement(case, "system-out").text = f"{_fit(said)}\n{_details(result)}"
    return case


def _measure(item: SuiteMetric | SuiteGuard, agent: str) -> Element:
    name = item.comparison.metric if isinstance(item, SuiteMetric) else item.name
    case = Element("testcase", classname=f"burnish.{agent}.metrics", name=_fit(f"{name} is not worse"), time="0.000")
    if item.outcome is SuiteOutcome.REGRESSION:
        SubElement(case, "failure", type="regression", message=_fit(item.reason))
    elif item.outcome is SuiteOutcome.INCONCLUSIVE:
        SubElement(case, "skipped", message=_fit(item.reason))
    else:
        SubElement(case, "system-out").text = _fit(item.reason)
    return case


def _whole(verdict: SuiteVerdict) -> Element:
    """The verdict itself, so that an inconclusive run is seen where only this file is read."""
    case = Element("testcase", classname=f"burnish.{verdict.agent}.metrics", name="verdict", time="0.000")
    text = _fit("\n".join(verdict.reasons))
    if verdict.outcome is SuiteOutcome.REGRESSION:
        SubElement(case, "failure", type="regression", message=_fit(verdict.reasons[0])).text = text
    elif verdict.outcome is SuiteOutcome.INCONCLUSIVE:
        SubElement(case, "skipped", message=text)
    else:
        SubElement(case, "system-out").text = text
    return case


def _details(result: CaseResult) -> str:
    parts: list[tuple[str, Json]] = [
        ("input", result.input),
        ("expected", result.expected),
        ("criteria", "; ".join(result.criteria) or None),
        ("before", result.output_before),
        ("after", result.output_after),
    ]
    return "\n".join(f"{name}: {_fit(readable(value))}" for name, value in parts if value is not None)


def _fit(text: str) -> str:
    shown, left = shorten(text, TEXT_LIMIT)
    return _UNFIT.sub("\ufffd", visible(shown)) + (f" … {left} more characters" if left else "")
