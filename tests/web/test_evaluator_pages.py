"""The pages of evaluators and of judges beside people."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.seeded import AGENT, START, seeded_store, store_url, support_trace, trace_id
from support.store_samples import judges_pull
from web.conftest import settings_for

from burnish.adapters.store import Store
from burnish.domain.agreement import Agreement, AlignmentState, Rate
from burnish.domain.alignment.bias import LengthBias, PositionBias
from burnish.domain.alignment.drift import Drift, DriftWindow
from burnish.domain.alignment.measurement import Alignment
from burnish.domain.annotation.people import Role
from burnish.domain.datasets import Example, Split
from burnish.domain.feedback import EvaluatorFailure, Feedback, FeedbackSource
from burnish.domain.traces import Usage
from burnish.drivers.web import create_app
from burnish.loop.aligning.week import book_of
from burnish.project import AgentConfig

EVALUATORS = """
- {kind: no_error, name: no_error}
- kind: judge
  name: kind
  model: judge-9
  rubric: The answer is kind to the person who asked.
  budget: {usd: 2, per: day}
  applies: {environment: production, sample: 0.5}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("project")
    (made / "config" / "evaluators").mkdir(parents=True)
    (made / "config" / "evaluators" / "all.yaml").write_text(EVALUATORS, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def judged(folder: Path) -> Iterator[Store]:
    """The support desk with a judge of two versions beside two people; the first four differ, two of them sealed."""
    with seeded_store(store_url(folder)) as store:
        items = []
        for number in range(40):
            version = "old" if number < 20 else "new"
            good = number % 4 > 0
            says = not good if number < 4 else good
            items.append(_said(number, "judge", "kind", float(says), f"verdict {number}", version))
            items.append(_said(number, "human", "ana", float(good), f"ana on {number}"))
            items.append(_said(number, "human", "ben", float(good if number % 8 else not good)))
        late = START + dt.timedelta(days=60)  # the newest word on a trace that the judge and the others pass
        items.append(Feedback(trace_id=trace_id(39), key="kind", source=FeedbackSource.HUMAN, author="carl", score=0.0,
                              created_at=late))  # fmt: skip
        store.feedback.add(items)
        store.feedback.add_failures(
            EvaluatorFailure(trace_id=trace_id(n), evaluator="kind", version="new", error="InvalidReply",
                             message="no JSON", created_at=START)
            for n in (50, 51)
        )  # fmt: skip
        for number, model in enumerate(("judge-8", "judge-9")):
            store.calls.record("judge/kind", model, Usage(input_tokens=9), 0.5, 1.5, f"{AGENT}/x", f"k{number}")
        sealed = [Example(id=f"s{n}", input=f"q{n}", expected="a", group=f"s{n}", trace_id=trace_id(n)) for n in (1, 2)]
        store.datasets.add(AGENT, "sealed", [(one, Split.HELD_OUT) for one in sealed])
        yield store


def _said(
    number: int, source: str, author: str, score: float, comment: str | None = None, version: str = ""
) -> Feedback:
    return Feedback(trace_id=trace_id(number), key="kind", source=FeedbackSource(source), author=author, score=score,
                    comment=comment, version=version, created_at=START + dt.timedelta(days=number))  # fmt: skip


def site(store: Store, folder: Path, **client: object) -> TestClient:
    config = AgentConfig.model_validate(
        {"name": AGENT, "repository": {"url": "x"}, "target": {}, "improve": {"metric": "kind"},
         "splits": {"group_by": ["session"]}}
    )  # fmt: skip
    app = create_app(store, settings_for(folder), {AGENT: config})
    return TestClient(app, base_url="http://localhost", **client)  # type: ignore[arg-type]


def test_the_list_says_what_each_runs_on_and_how_it_passes(judged: Store, folder: Path) -> None:
    """Kind, model, filter, rate, budget, cost and passes with interval and n; what only left feedback is marked."""
    text = re.sub(r"<[^>]*>|\s+", " ", site(judged, folder).get("/evaluators").text)
    text = re.sub(r" +", " ", text)
    for expected in ("judge-9", "environment production, 50% of them", "$2.00 a day, $1.00 left today",
                     "$0.50, 1.5 s", "n = 20)", "correct_queue not configured"):  # fmt: skip
        assert expected in text, expected


def test_an_evaluator_shows_its_epochs_apart(judged: Store, folder: Path) -> None:
    """A line an epoch, where the second begins, the same figures as a table, failures by reason, what fails to read."""
    text = site(judged, folder).get(f"/evaluators/{AGENT}/kind").text
    assert 2 == len(re.findall(r'<polyline class="line" points', text))
    assert "version old became new" in text
    assert "n = 20" in text
    assert re.search(r"InvalidReply</th><td[^>]*>no JSON</td><td[^>]*>new</td><td[^>]*>2</td>", text)
    assert "verdict 36" in text
    failing = re.findall(r'data-label="Score">(\S+)</td><td class="preview">verdict (\d+)', text)
    assert failing
    assert {"0.00"} == {score for score, _ in failing}
    assert "39" not in {number for _, number in failing}  # carl alone fails it, and no judge's reason says so
    assert "style=" not in text


def test_evaluators_of_files_that_are_wrong_say_so(judged: Store, tmp_path: Path) -> None:
    """A broken file is named on the page, and what was scored is shown all the same."""
    (tmp_path / "config" / "evaluators").mkdir(parents=True)
    (tmp_path / "config" / "evaluators" / "a.yaml").write_text("- {kind: nonsense}", encoding="utf-8")
    text = site(judged, tmp_path).get("/evaluators").text
    assert "cannot be read" in text
    assert "correct_queue" in text


def test_a_judge_stands_beside_people(judged: Store, folder: Path) -> None:
    """The table, the coefficients with intervals, the ceiling of people, and where they differ with both reasons."""
    client = site(judged, folder)
    assert f"/agreement/{AGENT}/kind" in client.get("/agreement").text
    text = client.get(f"/agreement/{AGENT}/kind?version=old").text
    for expected in (
        "people: pass",
        "judge: fail",
        "Krippendorff",
        "AC1",
        "ana on 3",
        "verdict 3",
        "(case 3)",
    ):
        assert expected in text, expected
    cells = [int(number) for number in re.findall(r'<td class="n (?:agree|differ)-\d">(\d+)', text)]
    assert 4 == len(cells)
    assert 3 == cells[1] + cells[2]
    assert 0 == len(re.findall("verdict", client.get(f"/agreement/{AGENT}/kind?version=new").text))


def test_sealed_traces_are_counted_and_never_shown(judged: Store, folder: Path) -> None:
    """Of a trace behind a held-out example neither words nor id appear where people and judge differ."""
    client = site(judged, folder)
    text = client.get(f"/agreement/{AGENT}/kind?version=old").text
    assert "2 are sealed and not shown" in text
    failing = client.get(f"/evaluators/{AGENT}/kind").text
    for number in (1, 2):
        assert trace_id(number)[:12] not in text + failing
        assert f"verdict {number}<" not in text
        assert "held_out" not in client.get(f"/traces/{trace_id(number)}").text


def test_the_weeks_of_an_agent_s_judges_are_no_agent(judged: Store, folder: Path) -> None:
    """Where judges were improved the pages still list the agent alone."""
    judged.nights.begin(book_of(AGENT), dt.date(2026, 3, 9))
    client = site(judged, folder)
    for path in ("/", "/traces"):
        assert "~" not in client.get(path).text, path
    assert f"{AGENT}, judges" in client.get(f"/nights?agent={AGENT}").text


def test_what_judges_propose_is_found_under_their_agent(judged: Store, folder: Path) -> None:
    """Proposals and pull requests for an agent's judges are in its lists, and in no other agent's."""
    proposal, pull = judges_pull(AGENT)
    judged.proposals.add([proposal])
    judged.pull_requests.save(pull)
    client = site(judged, folder)
    for path in ("/proposals", "/pull-requests"):
        assert proposal.title in client.get(f"{path}?agent={AGENT}").text
        assert f"{AGENT}, judges" in client.get(path).text
        assert proposal.title not in client.get(f"{path}?agent=other").text
    assert proposal.title in client.get(f"/pull-requests/7?agent={AGENT}").text
    assert 'href="/pull-requests' in client.get("/").text


def test_comments_are_not_scores(judged: Store, folder: Path) -> None:
    """The first page counts what has a score: people's 15 comments under "review" are in no column of scores."""
    text = site(judged, folder).get("/").text
    assert "failing=review" not in text
    assert re.search(r"failing=kind.*?people.*?<td class=\"n\">81</td>", text, re.S)


def test_what_is_not_there_is_a_404(judged: Store, folder: Path) -> None:
    """An unknown evaluator or judge names those that there are."""
    client = site(judged, folder)
    for path in (f"/evaluators/{AGENT}/none", f"/agreement/{AGENT}/none"):
        answer = client.get(path)
        assert (404, True) == (answer.status_code, "kind" in answer.text)


def test_reviewers_do_not_see_what_others_said(folder: Path, tmp_path: Path) -> None:
    """The pages are for experts and admins: without having signed in they lead to the form."""
    with Store.open(store_url(tmp_path)) as store:
        store.traces.add([support_trace(1)])
        store.users.add("rita", Role.REVIEWER, "a long password")
        client = site(store, folder, follow_redirects=False)
        for path in ("/evaluators", f"/evaluators/{AGENT}/kind", "/agreement", f"/agreement/{AGENT}/kind"):
            assert 303 == client.get(path).status_code


def test_a_judge_that_was_measured_shows_how(judged: Store, folder: Path, tmp_path: Path) -> None:
    """State, held-out kappa, drift as a chart with a table, bias; what it was fitted to, and its session, are out."""
    right = Rate(share=0.75, low=0.5, high=0.9, count=12)
    begun = START + dt.timedelta(days=10)
    windows = tuple(
        DriftWindow(start=begun + dt.timedelta(days=n), end=begun + dt.timedelta(days=n + 1), right=right)
        for n in range(3)
    )
    with seeded_store(store_url(tmp_path)) as store:
        store.feedback.add([_said(n, "judge", "kind", float(n % 3 > 0), "why", "old") for n in range(12)])
        store.feedback.add([_said(n, "human", "ana", float(n % 2)) for n in range(12)])
        store.alignments.add(
            Alignment(
                agent=AGENT, judge="kind", version="old", model="judge-9", measured_at=begun,
                held_out=Agreement(items=40, kappa=0.71, low=-0.05, high=0.9), fitted_on=(trace_id(0), trace_id(1)),
                drift=Drift(windows=windows, reason="It has not fallen."), state=AlignmentState.STALE,
                reason="Too old.",
                length=LengthBias(items=40, reading="Longer answers pass more often."),
                position=PositionBias(flips=right, reading="The first place wins."),
            )
        )  # fmt: skip
        text = site(store, folder).get(f"/agreement/{AGENT}/kind").text
    for expected in ("stale", "Too old.", "It has not fallen.", "75%", "Longer answers pass", "The first place wins",
                     "3 traces are left out", "n = 9", "0.71"):  # fmt: skip
        assert expected in text, expected
    assert 2 == text.count('<figure class="trend">')
