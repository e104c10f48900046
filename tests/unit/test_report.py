"""The report of a night: whole whatever is in it, and honest about why there is no pull request."""

from typing import Any

import pytest
from markdown_it import MarkdownIt

from burnish.domain.base import utc_now
from burnish.domain.gate import Comparison, Outcome, Verdict
from burnish.domain.nights import Night, NightState
from burnish.domain.proposals import Cluster
from burnish.loop.report import cluster_rows, dev_rows, markdown_table, night_markdown, score_rows, verdict_markdown

HOSTILE = [
    "a | b",
    "a\n| --- |\n\n# Heading",
    "back\\|slash",
    "`code | span`",
    "<img src=http://x.example/pixel>",
    "<script>alert(1)</script>",
    "![seen](http://x.example/pixel)",
    "[click](http://x.example)",
    "\\[click](http://x.example)",
    "[ref]: http://x.example",
]


def cluster(name: str, description: str = "") -> Cluster:
    return Cluster(id="c" * 16, agent="desk", name=name, description=description, trace_ids=("t",), size=1)


def verdict(outcome: Outcome, *reasons: str) -> Verdict:
    comparison = Comparison(
        metric="right", pairs=40, baseline_mean=0.5, candidate_mean=0.75, effect=0.25, low=0.1, high=0.4,
        confidence=0.98, p_value=0.0004, test="exact McNemar test", wins=12, losses=2, ties=26, unmeasured_candidate=1,
    )  # fmt: skip
    return Verdict(
        proposal_id="p", experiment_id="x", outcome=outcome, reasons=reasons, level=0.01, comparison=comparison
    )


def night(state: NightState = NightState.FINISHED, **stages: dict[str, Any]) -> Night:
    return Night(
        id="desk/2026-01-01", agent="desk", date="2026-01-01", state=state, stages=stages, started_at=utc_now()
    )


def rendered(text: str) -> list[tuple[str, str]]:
    """Every element a renderer makes of the text, inline ones too."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return [(token.type, token.content) for outer in tokens for token in (outer, *(outer.children or ()))]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_cell(text: str) -> None:
    """A cluster's name is made from traces: it adds no cell, row, heading, link, image or HTML to the report."""
    table = markdown_table(cluster_rows([cluster(text, text), cluster("plain")]))
    found = rendered(f"{table}\n\nafter")
    kinds = [kind for kind, _ in found]
    assert 1 == kinds.count("table_open")
    assert 3 == kinds.count("tr_open")
    assert (4, 8) == (kinds.count("th_open"), kinds.count("td_open"))
    assert not {"heading_open", "link_open", "image", "html_inline", "html_block", "code_inline"} & set(kinds)
    assert ("inline", "after") in found


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_nothing_in_a_whole_report(text: str) -> None:
    """The same in the report: its parts stay what they are."""
    dev: dict[str, Any] = {"reason": "Best on dev.", "means": {"p": 1.0}, "chosen": "p", "labels": {"p": text}}
    whole = night_markdown(night(dev=dev), verdict(Outcome.REFUSED, "No gain."), [cluster(text)], (3, 0.5))
    plain = night_markdown(
        night(dev={**dev, "labels": {"p": "x"}}),
        verdict(Outcome.REFUSED, "No gain."),
        [cluster("x")],
        (3, 0.5),
    )
    kinds = [kind for kind, _ in rendered(whole) if kind not in ("text", "text_special", "softbreak")]
    assert [kind for kind, _ in rendered(plain) if kind not in ("text", "text_special", "softbreak")] == kinds


def test_a_verdict_shows_its_figures_and_reasons() -> None:
    """Before, after, the effect with its interval, and what could not be measured stand beside the reasons."""
    text = verdict_markdown(verdict(Outcome.ACCEPTED, "Twelve fixed.", "Two broken."))
    assert "### Accepted: the evidence holds" in text
    assert "| right | 40 | 0.50 | 0.75 | +0.25 (+0.10 to +0.40) | 12 | 2 | 26 | 0 / 1 | 0.0004 |" in text
    assert text.endswith("- Twelve fixed.\n- Two broken.\n")


@pytest.mark.parametrize(
    ("state", "stages", "given", "said"),
    [
        (NightState.PARTIAL, {}, None, "**The budget ended this night early; what follows is partial.**"),
        (NightState.FINISHED, {"publish": {"url": "/pr/1"}}, Outcome.ACCEPTED, "**A pull request is open:** /pr/1"),
        (NightState.FINISHED, {}, Outcome.ACCEPTED, "**No pull request.** The evidence holds, but this run was not"),
        (NightState.FINISHED, {}, Outcome.REFUSED, "**No pull request.** Because of this."),
        (
            NightState.FINISHED,
            {"publish": {"url": "", "reason": "One is open already."}},
            Outcome.ACCEPTED,
            "**No pull request.** One is open already.",
        ),
        (NightState.FINISHED, {"dev": {"reason": "Nothing beats it."}}, None, "**No pull request.** Nothing beats it."),
        (NightState.FINISHED, {}, None, "**No pull request.** The night did not get as far as measuring"),
    ],
)
def test_the_first_line_says_what_the_night_came_to(
    state: NightState, stages: dict[str, Any], given: Outcome | None, said: str
) -> None:
    """One sentence up front: a pull request, or why there is none."""
    found = None if given is None else verdict(given, "Because of this.")
    assert said in night_markdown(night(state, **stages), found, [], (0, 0.0)).split("\n\n")[1]


def test_scores_and_dev_rows_read_well() -> None:
    """An evaluator without a score shows no mean; the chosen version stands first among equals."""
    counts = {"scored": 2, "failed": 1, "skipped": 0}
    rows = score_rows({"evaluators": {"a": {**counts, "mean": 0.256}, "b": {**counts, "mean": None}}})
    assert ["0.26", ""] == [row["mean"] for row in rows]
    assert [] == score_rows({"traces": 3, "evaluators": {}, "reason": "the budget is spent"})
    ranked = dev_rows({"means": {"baseline": 0.5, "p": 1.0, "q": 1.0}, "chosen": "q", "labels": {"q": "Better"}})
    assert ["Better", "p", "baseline"] == [row["version"] for row in ranked]
    assert ["yes", "", ""] == [row["chosen"] for row in ranked]
    assert "" == markdown_table([])


def test_a_night_says_how_its_judges_stand_and_what_held_scores_back() -> None:
    """State, labels, kappa and why; a column of what a budget left unjudged only where it left something."""
    judges = [
        {
            "judge": "helpful", "version": "v1", "state": "stale", "reason": "It has fallen.", "items": 140,
            "kappa": 0.63, "low": 0.5, "high": 0.75, "swayed": ["It favours long answers."],
        },
        {
            "judge": "kind", "version": "v1", "state": "unaligned", "reason": "Too few labels.", "items": 2,
            "kappa": None, "low": None, "high": None, "swayed": [],
        },
    ]  # fmt: skip
    row = {"scored": 5, "failed": 0, "skipped": 0, "mean": 0.5}
    enrich = {"evaluators": {"helpful": {**row, "held_back": 7}, "right": {**row, "held_back": 0}}}
    text = night_markdown(night(judges={"judges": judges}, enrich=enrich), None, [], (0, 0.0))
    assert "| helpful | stale | 140 | 0.63 (0.50 to 0.75) | It has fallen. It favours long answers. |" in text
    assert "| kind | unaligned | 2 |  | Too few labels. |" in text
    assert "| helpful | 5 | 0 | 0 | 0.50 | 7 |" in text
    quiet = night_markdown(night(enrich={"evaluators": {"right": row}}, judges={"judges": []}), None, [], (0, 0.0))
    assert "held back" not in quiet
    assert "Judges beside people" not in quiet
