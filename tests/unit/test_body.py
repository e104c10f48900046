"""The pull request's body: complete, and harmless whatever users wrote."""

import re
from pathlib import Path

import pytest

from burnish.adapters.publishing.body import BODY_LIMIT, BodyContext, render_body
from burnish.adapters.publishing.markdown import escape, fence, plain
from burnish.domain.base import utc_now
from burnish.domain.datasets import Example
from burnish.domain.gate import Comparison, Lift, Look, Outcome, Verdict
from burnish.domain.proposals import Cluster, Edit, Proposal
from burnish.errors import ConfigError

HOSTILE = (
    "Fixes #12 @ada <img src=x onerror=alert(1)> | `x` [a](http://evil.example) ![p](//e) \u202egnp\n# Big\n```\nout"
)


def context(text: str = "Cards go astray", **fields: object) -> BodyContext:
    proposal = Proposal(
        id="abcdef0123456789", agent="desk", night="desk/2026-03-01", base_commit="c" * 40, title=text, rationale=text,
        edits=(Edit(path="prompts/a.md", search="a", replace="b"),), evidence_trace_ids=("t1", "t2"),
        proposer="meanings", model="m", created_at=utc_now(),
    )  # fmt: skip
    comparison = Comparison(
        metric="exact_match", pairs=120, baseline_mean=0.2, candidate_mean=0.6, effect=0.4, low=0.3, high=0.5,
        confidence=0.95, p_value=1e-9, test="exact McNemar", wins=50, losses=2, ties=68, fixed=("h1", "h2"),
        broken=("h3",), unmeasured_baseline=1, unmeasured_candidate=2,
    )  # fmt: skip
    verdict = Verdict(
        proposal_id=proposal.id, experiment_id="x1", outcome=Outcome.ACCEPTED, reasons=(text,), level=0.01,
        comparison=comparison, guards=(comparison.model_copy(update={"metric": "politeness"}),),
    )  # fmt: skip
    cluster = Cluster(id="k1", agent="desk", name=text, description=text, trace_ids=("t1",), size=7)
    given: dict[str, object] = {
        "agent": "desk", "night": "desk/2026-03-01", "proposal": proposal, "verdict": verdict,
        "diff": f"--- a\n+++ b\n-x\n+{text}\n", "clusters": (cluster,), "dev_fixed": (Example(id="d1", input=text),),
        "regression_path": "evals/cards.yaml", "regression_count": 3, "calls": 42, "cost_usd": 0.5,
        "base_url": "http://127.0.0.1:4300", "reproduce": "burnish run improve_agent",
    }  # fmt: skip
    return BodyContext.model_validate(given | fields)


def outside_code(body: str) -> str:
    return re.sub(r"(?ms)^(`{3,})diff\n.*?^\1$", "", body)


def test_the_body_tells_everything_once() -> None:
    """Verdict, scores, what was fixed and broken, change, failures, evidence, cost and how to measure again."""
    body = render_body(context())
    for wanted in (
        "## Verdict: accepted", "- Cards go astray",
        r"| exact\_match | 0.200 | 0.600 | +0.400 | +0.300 to +0.500 (95%) | 50 / 2 / 68 | 1, 2 |", "| politeness |",
        "Measured on 120 held-out examples", "50 fixed, 2 broken. Which ones",
        "```diff\n--- a\n+++ b\n-x\n+Cards go astray\n```",
        "[Cards go astray](http://127.0.0.1:4300/clusters/k1): 7 traces",
        "[t1](http://127.0.0.1:4300/traces/t1), [t2]", "`evals/cards.yaml` gains 3 examples", "42 model calls, 0.5000",
        "drafted by meanings with m", f"base commit `{'c' * 40}`", "`burnish run improve_agent`",
    ):  # fmt: skip
        assert wanted in body, wanted
    assert not re.search(r"\bh[123]\b", body)  # ids of held-out examples


def test_the_body_says_how_the_verdict_came_about() -> None:
    """Looks with their boundaries, the level, attempts before and the lift to expect, beside the lift that was seen."""
    verdict = context().verdict.model_copy(
        update={
            "level": 0.0031234, "p_value": 0.0004, "attempts_before": 7, "planned_looks": 4, "stopped_early": True,
            "lift": Lift(raw=0.4, shrunk=0.33, low=0.2, high=0.46),
            "looks": (
                Look(examples=30, pairs=30, effect=0.3, z=2.1, boundary=5.9, p_value=0.02, test="t", power=0.8),
                Look(examples=60, pairs=59, effect=0.4, z=4.1, boundary=4.0, p_value=0.0001, test="t", power=0.9),
            ),
        }
    )  # fmt: skip
    body = render_body(context(verdict=verdict))
    for wanted in (
        "level 0.00312", "Expect +0.330 rather than the +0.400 that was seen (95% interval +0.200 to +0.460)",
        "held against the held-out split before this one: 7", "looked at 2 of 4 planned times",
        "the measurement ended early; over all looks together p = 0.0004",
        "| 1 | 30 | 30 | +0.300 | 2.10 | 5.90 |", "| 2 | 60 | 59 | +0.400 | 4.10 | 4.00 |",
    ):  # fmt: skip
        assert wanted in body, wanted


def test_hostile_text_is_shown_and_does_nothing() -> None:
    """No mention, no closing word with a number, no HTML, no link or image of theirs, no heading, no extra column."""
    body = outside_code(render_body(context(HOSTILE)))
    assert "Fixes" in body
    assert not re.search(r"#\d|@\w|<img|\]\(http://evil|(?<!\\)!\[p\]\(|\u202e|evil\.example\)\)", body)
    assert re.findall(r"(?m)^#+ (\w+)", body) == ["Verdict", "Change", "Failures", "Examples", "Evidence", "Cost"]
    assert "http://evil" not in body
    rows = [line for line in body.splitlines() if line.startswith("|")]
    assert {8} == {len(re.findall(r"(?<!\\)\|", row)) for row in rows}


def test_a_metric_with_a_pipe_stays_in_its_cell() -> None:
    """A table cannot be broken from inside a cell."""
    given = context()
    assert given.verdict.comparison is not None
    odd = given.verdict.comparison.model_copy(update={"metric": "a|b\nc"})
    body = render_body(context(verdict=given.verdict.model_copy(update={"comparison": odd})))
    assert r"| a\|b c |" in body


def test_the_fence_is_longer_than_any_in_the_diff() -> None:
    """A diff with fences of its own stays one code block."""
    assert fence("+````\n", "diff") == "`````diff\n+````\n`````"
    assert fence("a\u202eb") == "```\na\\u202eb\n```"


def test_plain_text_notifies_nobody() -> None:
    """For titles and commit messages, where GitHub reads mentions and closing words too."""
    assert plain("fixes #1\nGH-2 @ada http://x") == "fixes #\u200b1 GH\u200b-2 @\u200bada http:\u200b//x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a*b_c", r"a\*b\_c"), ("<b>&", "&lt;b&gt;&amp;"), ("- x", r"\- x"), ("1. x", r"1\. x"), ("# x", r"\# x")],
)
def test_markdown_is_escaped(text: str, expected: str) -> None:
    """What would be markup is shown as written."""
    assert expected == escape(text)


def test_a_long_body_is_cut_below_the_forges_limit() -> None:
    """GitHub refuses longer ones."""
    body = render_body(context(clusters=tuple(context("x" * 500).clusters) * 900))
    assert len(body) <= BODY_LIMIT + 100
    assert "the body was too long" in body


def test_a_project_may_bring_its_own_template(tmp_path: Path) -> None:
    """Its values are escaped as well, without a word in the template."""
    (tmp_path / "pull_request.md.j2").write_text("{{ proposal.title }} and {{ fixed }}")
    assert render_body(context("@a | {{ b }}"), tmp_path) == r"@​a \| {{ b }} and 50"


def test_a_broken_template_is_the_users_to_correct(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "pull_request.md.j2").write_text("{{ nothing }}")
    with pytest.raises(ConfigError, match=r"pull_request.md.j2 does not render.*nothing"):
        render_body(context(), tmp_path)


def test_without_pages_there_are_no_links() -> None:
    """The names stand alone."""
    assert "](" not in outside_code(render_body(context(base_url=None)))


def test_text_is_never_template_source() -> None:
    """Jinja syntax in a message comes out as it went in."""
    assert "{{ 7*7 }}".replace("*", r"\*") in render_body(context("{{ 7*7 }}"))
