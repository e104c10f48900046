"""The verdict of the permanent suite, and the files its cases stand in."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from burnish.domain.experiments import Run, RunKey, RunStatus
from burnish.domain.suite import (
    Case,
    CaseState,
    Measurement,
    SuiteOutcome,
    SuiteRule,
    SuiteVerdict,
    decide_suite,
    must_retry,
    not_yet_in,
    read_cases,
    write_cases,
)
from burnish.errors import InputError

RULE = SuiteRule()


def runs(scores: Mapping[str, float | str | None], metric: str = "right", **more: Any) -> list[Run]:
    """A run a case: a score, None for an infrastructure error, "crash" for the agent's own."""
    found = []
    for case_id, score in scores.items():
        status = {None: RunStatus.UNMEASURED, "crash": RunStatus.AGENT_FAILURE}.get(score, RunStatus.OK)  # type: ignore[arg-type]
        found.append(
            Run(
                key=RunKey(experiment_id="x", arm="a", example_id=case_id), version_id="v", status=status,
                error="429" if score is None else None,
                scores={metric: score} if isinstance(score, float) else {}, **more,
            )
        )  # fmt: skip
    return found


def verdict(
    before: Mapping[str, Any], after: Mapping[str, Any], *, must: Sequence[str] = (), again: Any = None,
    rule: SuiteRule = RULE, **more: Any,
) -> SuiteVerdict:  # fmt: skip
    cases = [Case(id=i, input=i, expected="x", must_pass=i in must) for i in after]
    first, second = again or ({}, {})
    measured = Measurement(
        cases=cases, applies={"right": frozenset(after)}, pass_at=0.5, baseline=runs(before), candidate=runs(after),
        again_baseline=runs(first), again_candidate=runs(second),
    )  # fmt: skip
    return decide_suite(measured, rule, **more)


def many(count: int, wrong: int = 0) -> dict[str, float]:
    return {f"c{i:03}": 0.0 if i < wrong else 1.0 for i in range(count)}


def state(found: SuiteVerdict, case: str) -> CaseState:
    return next(one.state for one in found.cases if one.id == case)


def test_a_must_pass_case_that_breaks_fails_the_change() -> None:
    """Whatever the rest gains: two hundred fixed cases do not pay for it."""
    before = {"key": 1.0, **many(200, wrong=200)}
    found = verdict(before, {"key": 0.0, **many(200)}, must=["key"], again=({"key": 1.0}, {"key": 0.0}))
    assert (SuiteOutcome.REGRESSION, CaseState.BROKEN) == (found.outcome, state(found, "key"))
    assert "1 case that must pass broke: key." in found.reasons
    assert found.blocks


def test_a_must_pass_case_that_passes_on_retry_is_flaky_and_no_failure() -> None:
    """It is reported, and does not fail the change."""
    found = verdict({"key": 1.0}, {"key": 0.0}, must=["key"], again=({"key": 1.0}, {"key": 1.0}))
    assert (SuiteOutcome.PASS, CaseState.FLAKY) == (found.outcome, state(found, "key"))
    assert any("failed once and passed when tried again" in reason for reason in found.reasons)


def test_what_failed_before_is_not_the_changes_fault() -> None:
    """A must-pass case that fails on the base already is reported apart."""
    found = verdict({"key": 0.0}, {"key": 0.0}, must=["key"], again=({"key": "crash"}, {"key": 0.0}))
    assert (SuiteOutcome.PASS, CaseState.FAILING) == (found.outcome, state(found, "key"))
    assert any("failed on the base already: key" in reason for reason in found.reasons)


def test_a_must_pass_case_that_the_change_adds_has_no_past_to_excuse_it() -> None:
    """It fails the change although the base fails it too."""
    again = ({"key": 0.0}, {"key": 0.0})
    found = verdict({"key": 0.0}, {"key": 0.0}, must=["key"], again=again, added=frozenset({"key"}))
    assert (SuiteOutcome.REGRESSION, CaseState.BROKEN) == (found.outcome, state(found, "key"))


@pytest.mark.parametrize(("base", "now"), [(1.0, None), (None, 0.0)])
def test_a_must_pass_case_that_cannot_be_measured_decides_nothing(base: float | None, now: float | None) -> None:
    """A rate limit on either side is neither a pass nor a failure."""
    found = verdict({"key": base}, {"key": now}, must=["key"], again=({"key": base}, {"key": now}))
    assert (SuiteOutcome.INCONCLUSIVE, CaseState.UNMEASURED) == (found.outcome, state(found, "key"))
    assert found.blocks


@pytest.mark.parametrize("tries", [(0.0, None), (None, 0.0), (0.0,), ("crash", None), ("crash",)])
@pytest.mark.parametrize("added", [frozenset(), frozenset({"key"})])
def test_one_failure_breaks_no_must_pass_case(tries: tuple[Any, ...], added: frozenset[str]) -> None:
    """The other try hit a rate limit, or the budget ended before it: nothing is known, and both are told."""
    again = tuple({"key": score} for score in (1.0, *tries[1:])) if len(tries) > 1 else None
    found = verdict({"key": 1.0}, {"key": tries[0]}, must=["key"], again=again, added=added)
    assert (SuiteOutcome.INCONCLUSIVE, CaseState.UNMEASURED, True) == (
        found.outcome, state(found, "key"), found.blocks,
    )  # fmt: skip
    (case,) = found.cases
    assert case.reason.startswith("it failed once, and a second try could not be measured")
    assert ("429" in case.reason) is (None in tries)


@pytest.mark.parametrize("base", [(0.0, None), (None, 0.0)])
def test_one_failure_of_the_base_does_not_excuse_the_change(base: tuple[float | None, ...]) -> None:
    """It may have been chance there, so a case that fails twice with the change decides nothing."""
    found = verdict({"key": base[0]}, {"key": 0.0}, must=["key"], again=({"key": base[1]}, {"key": 0.0}))
    assert (SuiteOutcome.INCONCLUSIVE, CaseState.UNMEASURED) == (found.outcome, state(found, "key"))


def test_only_must_pass_cases_that_did_not_pass_are_tried_again() -> None:
    """Others are not, whatever they score."""
    cases = [Case(id=i, input=i, must_pass=i != "free") for i in ("good", "bad", "lost", "free")]
    measured = Measurement(
        cases=cases, applies={"right": frozenset(case.id for case in cases)}, pass_at=0.5, baseline=[],
        candidate=runs({"good": 1.0, "bad": 0.0, "lost": None, "free": 0.0}),
    )  # fmt: skip
    assert ["bad", "lost"] == [case.id for case in must_retry(measured)]


def test_a_suite_that_is_large_enough_shows_non_inferiority() -> None:
    """124 cases without a loss exclude one of 5 points; ten do not, and the reason says how many would."""
    assert SuiteOutcome.PASS is verdict(many(124), many(124)).outcome
    small = verdict(many(10), many(10))
    assert (SuiteOutcome.INCONCLUSIVE, True, False) == (small.outcome, small.small, small.blocks)
    assert any("About 124 cases are needed" in reason for reason in small.reasons)
    three = verdict(many(10), many(10), rule=SuiteRule(margin=0.03))
    assert 344 == three.metrics[0].needed


def test_three_equal_graded_cases_show_nothing() -> None:
    """Equal differences have no spread of their own; the bound keeps a width all the same."""
    scores = {"a": 0.7, "b": 0.7, "c": 0.7}
    assert (SuiteOutcome.INCONCLUSIVE, True) == ((found := verdict(scores, scores)).outcome, found.small)


def test_a_loss_that_is_shown_is_a_regression() -> None:
    """Ten of a hundred broke and none was fixed."""
    found = verdict(many(100), many(100, wrong=10))
    assert (SuiteOutcome.REGRESSION, SuiteOutcome.REGRESSION) == (found.outcome, found.metrics[0].outcome)


def test_a_loss_within_the_margin_passes() -> None:
    """That is what the margin says."""
    assert SuiteOutcome.PASS is verdict(many(400), many(400, wrong=5)).outcome


def test_no_metric_pays_for_another() -> None:
    """A gain in one does not buy a loss in the other."""
    names = [f"c{i}" for i in range(100)]
    both = [
        Run(
            key=RunKey(experiment_id="x", arm="a", example_id=name), version_id="v", status=RunStatus.OK,
            scores={"right": right, "safe": safe},
        )
        for right, safe in ((0.0, 1.0), (1.0, 0.0))
        for name in names
    ]  # fmt: skip
    measured = Measurement(
        cases=[Case(id=name, input=name) for name in names],
        applies={"right": frozenset(names), "safe": frozenset(names)},
        pass_at=0.5, baseline=both[:100], candidate=both[100:],
    )  # fmt: skip
    found = decide_suite(measured, SuiteRule())
    assert ["pass", "regression"] == [metric.outcome.value for metric in found.metrics]
    assert SuiteOutcome.REGRESSION is found.outcome


def test_new_easy_cases_do_not_pay_for_old_broken_ones() -> None:
    """What the change adds is not counted among the rest."""
    easy = {f"new{i}": 0.0 for i in range(50)}
    before, after = {**many(100), **easy}, {**many(100, wrong=10), **dict.fromkeys(easy, 1.0)}
    found = verdict(before, after, added=frozenset(easy))
    assert (SuiteOutcome.REGRESSION, 100) == (found.outcome, found.metrics[0].comparison.pairs)


def test_too_much_unmeasured_is_inconclusive_and_holds_a_night_back() -> None:
    """A fifth of the runs hit a rate limit: not a score, not a small suite."""
    after: dict[str, float | None] = {**many(200), **{f"c{i:03}": None for i in range(40)}}
    found = verdict(many(200), after)
    assert (SuiteOutcome.INCONCLUSIVE, False, True) == (found.outcome, found.small, found.blocks)
    assert any("20% of the runs of the change are unmeasured" in reason for reason in found.reasons)


def test_what_is_missing_on_one_side_alone_is_inconclusive() -> None:
    """Below the allowed share, but never in the base."""
    after: dict[str, float | None] = {**many(200), **{f"c{i:03}": None for i in range(12)}}
    assert any("not measured alike" in reason for reason in verdict(many(200), after).reasons)


def test_a_base_that_cannot_run_is_no_measure() -> None:
    """All of it crashed: a change that then looks better is not believed."""
    found = verdict(dict.fromkeys(many(200), "crash"), many(200))
    assert (SuiteOutcome.INCONCLUSIVE, True) == (found.outcome, found.blocks)


def test_cases_that_no_evaluator_judges_are_said() -> None:
    """They are not passed over in silence."""
    measured = Measurement(
        cases=[Case(id="odd", input="x", must_pass=True)], applies={"right": frozenset()}, pass_at=0.5,
        baseline=[], candidate=[],
    )  # fmt: skip
    found = decide_suite(measured, SuiteRule())
    assert SuiteOutcome.INCONCLUSIVE is found.outcome
    assert any("No evaluator of the suite applies to odd" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("after", "outcome"), [(1.0, SuiteOutcome.PASS), (1.5, SuiteOutcome.REGRESSION), (None, SuiteOutcome.INCONCLUSIVE)]
)
def test_cost_is_held_where_the_rule_says_so(after: float | None, outcome: SuiteOutcome) -> None:
    """A fifth more is allowed, half more is not, and no price is no pass."""
    ids = many(200)
    measured = Measurement(
        cases=[Case(id=i, input=i) for i in ids], applies={"right": frozenset(ids)}, pass_at=0.5,
        baseline=runs(ids, cost_usd=1.0), candidate=runs(ids, cost_usd=after),
    )  # fmt: skip
    assert outcome is decide_suite(measured, SuiteRule(cost_increase=0.2)).outcome


def test_an_empty_measurement_is_no_crash() -> None:
    """Nothing at all gives a verdict."""
    assert SuiteOutcome.PASS is verdict({}, {}).outcome


HOSTILE = ["no", "1.0", "- x\n  y: z", "# c", "\u202e\u0000x", "a\r\nb", "2026-01-01", " lead", "{{ x }}", "'", '"', ""]


@pytest.mark.parametrize("text", HOSTILE)
def test_cases_are_read_as_they_were_written(text: str) -> None:
    """Whatever people say, in YAML and after other cases."""
    cases = (Case(id="a", input=text, expected={"q": [text, 1, None]}), Case(id="b", input=[text], criteria=("x",)))
    written = write_cases(cases[:1]).rstrip("\n") + "\n\n" + write_cases(cases[1:])
    assert cases == read_cases({"evals/a.yaml": written})


LINES = st.text(st.sampled_from("ab \t\r\n\x85\u2028\u2029:#-'\"|>")) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | LINES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LINES, inner, max_size=3),
    max_leaves=6,
)


@given(st.builds(Case, id=LINES.filter(bool).map(lambda text: text[:200]), input=JSON, expected=JSON))
@example(Case(id="a", input="a\nb\x85c"))
@example(Case(id="a", input={"a\nb\x85": "a\x85b"}))
def test_every_case_is_read_as_it_was_written(case: Case) -> None:
    """Whatever JSON its input is, with the line ends that only Unicode knows."""
    assert (case,) == read_cases({"evals/a.yaml": write_cases([case])})


def test_what_burnish_wrote_before_is_read() -> None:
    """JSON lines with a split beside the example."""
    line = '{"id": "d1", "input": "hi", "expected": "x", "criteria": [], "split": "dev"}\n'
    (case,) = read_cases({"evals/a.jsonl": line, "evals/README.md": "no case"})
    assert Case(id="d1", input="hi", expected="x", metadata={"split": "dev"}) == case


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.yaml": "- id: x\n  input: 1\n- id: y\n  inptu: 2\n"}, r"a.yaml:3: case 'y':.*did you mean 'input'"),
        ({"a.yaml": "- id: x\n  input: 1\n", "b.jsonl": '\n{"id": "x", "input": 2}'}, r"b.jsonl:2: case 'x' is there .* a.yaml:1"),  # noqa: E501
        ({"a.yaml": "id: x\n"}, "a.yaml:1: a case file is a list"),
        ({"a.yaml": "- id: [\n"}, "a.yaml:2:"),
        ({"a.yaml": "- &x\n  id: a\n- *x\n"}, "a.yaml:3: write the value out"),
        ({"a.yaml": "- id: a\n  input: 1\n  input: 2\n"}, "a.yaml:3: key 'input' occurs twice"),
        ({"a.jsonl": '{"id": "a", "input": 1}\n{'}, "a.jsonl:2: not JSON"),
        ({"a.yaml": "- id: a\n  input: \0\n"}, r"a.yaml:2: U\+0000 cannot stand in YAML"),
        ({"a.yaml": "- id: a\n  input:\n    ? [a, b]\n    : 1\n"}, "a.yaml:3: a key must be text"),
        ({"a.yaml": "- id: a\n  input: !!timestamp x\n"}, "a.yaml:2: 'x' is no timestamp"),
        ({"a.yaml": "- id: a\n  input: 0b_\n"}, "a.yaml:2: '0b_' is no int; write text in quotes"),
        ({"a.yaml": "- id: a\n  input: !!bool x\n"}, "a.yaml:2: 'x' is no bool"),
        ({"a.yaml": "- id: a\n  input: !!float ''\n"}, "a.yaml:2: '' is no float"),
        ({"a.yaml": "- id: a\n  input: " + "[" * 5000}, "a.yaml:1: .* nested too deeply"),
        ({"a.jsonl": '{"id": "a", "input": ' + "[" * 100_000}, "a.jsonl:1: .* nested too deeply"),
        ({"a.yaml": "- id: a\n  input: .nan\n"}, "a.yaml:1: case 'a': input: JSON has no such number"),
        ({"a.yaml": "- id: a\n  input: 1\n  expected: {x: [.inf]}\n"}, "a.yaml:1: case 'a': expected: JSON has no"),
        ({"a.jsonl": '{"id": "a", "input": NaN}'}, "a.jsonl:1: case 'a': input: JSON has no such number"),
        ({"a.yaml": "- just text\n"}, "a.yaml:1: a case is a mapping"),
        ({"a.yaml": "- input: 1\n"}, "a.yaml:1: 'id' is missing"),
        ({"a.yaml": "- id: a\n  input: 1\n  metadata: none\n"}, "a.yaml:1: case 'a': metadata"),
        ({"a.yaml": "- id: a\n  input: 1\n  metadata: none\n  split: dev\n"}, "a.yaml:1: case 'a': metadata"),
    ],
)  # fmt: skip
def test_a_case_file_that_is_wrong_says_where(files: dict[str, str], said: str) -> None:
    """File, line and case."""
    with pytest.raises(InputError, match=said):
        read_cases(files)


def test_accepting_a_case_twice_adds_nothing() -> None:
    """By id, also within one batch."""
    old, new = Case(id="old", input=1), Case(id="new", input=2)
    assert [new] == not_yet_in([old], [old, new, new])
