"""Proposing against a real store: once a night, from train alone, with invalid drafts kept apart."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from burnish.adapters.store import OpenStore, Store
from burnish.domain.base import Json
from burnish.domain.chat import ChatReply, ChatRequest
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.proposals import Cluster, ProposalStatus
from burnish.domain.traces import Span, SpanKind, Trace
from burnish.loop.propose import gather, propose
from burnish.project import AgentConfig

FILES = {"prompts/router.md": "Route for {{ company }}:\n\n- atlas\n- bravo\n"}
CONFIG = AgentConfig.model_validate(
    {
        "name": "desk",
        "repository": {"url": "agent"},
        "target": {"kind": "prompt", "prompt": "prompts/router.md"},
        "improve": {"metric": "exact_match", "candidates": 3},
    }
)
COMMIT = "c" * 40
NIGHT = "desk/2026-03-01"
AT = datetime(2026, 2, 1, tzinfo=UTC)


class FakeModel:
    name = "fake"

    def __init__(self, about: str = "cards") -> None:
        self.about = about
        self.strong = False
        self.asked: list[str] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(" ".join(message.text for message in request.messages))
        parsed: Json = {"about": self.about, "instruction": f"Mind {self.about}."}
        return ChatReply(text="", model="fake", parsed=parsed)


def trace(name: str, text: str) -> Trace:
    span = Span(trace_id=name, span_id="s", name="desk", kind=SpanKind.AGENT, started_at=AT, ended_at=AT)
    return Trace(
        trace_id=name, agent="desk", source="otlp", name="desk", started_at=AT, ended_at=AT, input=text, output="bravo",
        spans=(span,),
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Six corrected traces, two a split, and three uncorrected ones, of which one repeats a held-out message."""
    with Store.open(f"sqlite:///{tmp_path / 'burnish.sqlite3'}") as opened:
        texts = {f"{split}-{i}": f"{split} message {i}" for split in Split for i in range(2)}
        examples = []
        for name, text in texts.items():
            split = Split(name.split("-")[0])
            example = Example(
                id=Example.id_for("desk", text), input=text, expected="atlas", trace_id=f"trace-{name}", group=name
            )
            examples.append((example, split))
        opened.traces.add([trace(f"trace-{name}", text) for name, text in texts.items()])
        opened.traces.add([trace("loose-1", "loose one"), trace("loose-2", "loose two")])
        opened.traces.add([trace("copy-1", texts["held_out-0"])])
        opened.datasets.add("desk", DATASET, examples)
        for split in (Split.DEV, Split.HELD_OUT):  # examples whose input is not word for word their trace's
            odd = Example(
                id=f"odd-{split}", input="tidied", expected="atlas", trace_id=f"odd-{split}", group=f"odd-{split}"
            )
            opened.traces.add([trace(f"odd-{split}", f"untidy {split} words")])
            opened.datasets.add("desk", DATASET, [(odd, split)])
        opened.feedback.add(
            Feedback(trace_id=i, key="note", source=FeedbackSource.HUMAN, comment=f"remark on {i}", created_at=AT)
            for i in ("loose-1", "trace-held_out-0", "trace-train-0")
        )
        yield opened


def cluster(store: Store) -> Cluster:
    theirs = ("trace-dev-0", "trace-held_out-0", "trace-held_out-1", "copy-1", "odd-dev", "odd-held_out")
    members = ("trace-train-0", *theirs, "loose-1", "loose-2")
    return Cluster(id="k1", agent="desk", name="astray", trace_ids=members, size=len(members), night=NIGHT)


def test_evidence_is_train_and_loose_traces_only(store: Store) -> None:
    """Neither the messages of dev and held-out nor copies of them, nor what was said of them."""
    evidence = gather(OpenStore(store), "desk", FILES, [cluster(store)])
    assert {"trace-train-0", "loose-1", "loose-2"} == {case.trace_id for case in evidence.clusters[0].cases}
    assert [("atlas", {"trace-train-0", "trace-train-1"})] == [
        (group.key, {case.trace_id for case in group.cases}) for group in evidence.labels
    ]


async def test_no_word_of_dev_or_held_out_reaches_the_proposer(store: Store) -> None:
    """Held against every question that is asked."""
    model = FakeModel()
    await propose(OpenStore(store), CONFIG, NIGHT, FILES, COMMIT, model, [cluster(store)])
    said = " ".join(model.asked)
    assert ("train message" in said, "loose one" in said, "remark on loose-1" in said) == (True, True, True)
    assert ("held_out" in said, "dev message" in said, "untidy" in said) == (False, False, False)


async def test_proposals_are_stored_and_a_second_start_reuses_them(store: Store) -> None:
    """No question is asked twice in a night."""
    model = FakeModel()
    first = await propose(OpenStore(store), CONFIG, NIGHT, FILES, COMMIT, model, [cluster(store)])
    asked = len(model.asked)
    again = await propose(OpenStore(store), CONFIG, NIGHT, FILES, COMMIT, model, [cluster(store)])
    assert (3, True, asked, set(first.proposals)) == (
        len(first.proposals), again.reused, len(model.asked), set(again.proposals),
    )  # fmt: skip
    kinds = [p.proposer for p in reversed(store.proposals.list(agent="desk", night=NIGHT))]
    assert kinds == ["meanings", "meanings+examples", "rules"]


async def test_a_diff_that_an_earlier_night_tried_is_not_drafted_again(store: Store) -> None:
    """The summary says what became of it."""
    await propose(OpenStore(store), CONFIG, NIGHT, FILES, COMMIT, FakeModel(), [])
    later = await propose(OpenStore(store), CONFIG, "desk/2026-03-02", FILES, COMMIT, FakeModel(), [])
    assert later.proposals == ()
    assert "was tried in desk/2026-03-01 already" in later.notes[0]


async def test_drafts_that_do_not_apply_are_kept_as_invalid(store: Store) -> None:
    """With the reason, and they do not count as candidates."""
    config = CONFIG.model_copy(update={"improve": CONFIG.improve.model_copy(update={"files": ("other/**",)})})
    summary = await propose(OpenStore(store), config, NIGHT, FILES, COMMIT, FakeModel(), [cluster(store)])
    stored = store.proposals.list(agent="desk", night=NIGHT)
    assert (summary.proposals, len(summary.invalid)) == ((), 3)
    assert {ProposalStatus.INVALID} == {p.status for p in stored}
    assert "may not change" in stored[0].status_reason


async def test_without_evidence_nothing_is_asked(tmp_path: Path) -> None:
    """The notes say what is missing."""
    with Store.open(f"sqlite:///{tmp_path / 'empty.sqlite3'}") as empty:
        model = FakeModel()
        summary = await propose(OpenStore(empty), CONFIG, NIGHT, FILES, COMMIT, model, [])
    assert (summary.proposals, model.asked) == ((), [])
    assert "no evidence" in summary.notes[0]
