"""Two nights of the whole loop, with a word of its own in everything that hangs on an example."""

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.model_server import Answer, ModelServer, serve_in_thread
from support.night_driver import one_night
from support.night_project import DAY, TRACES, NightProject, answer, asked_text, is_target, message, right_queue

from burnish.adapters.store import Store
from burnish.adapters.store.sealed import HeldOut
from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.listing import TraceQuery
from burnish.project import load_agent

pytestmark = pytest.mark.slow
NUMBER = re.compile(r"canary(\d+)end")


async def test_no_question_of_burnish_holds_a_word_of_a_held_out_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inputs, remarks and criteria of held-out examples reach the agent alone, on the first night and the next."""
    said: list[str] = []
    agents: list[str] = []

    def listen(body: dict[str, object]) -> Answer:
        (agents if is_target(body) else said).append(asked_text(body))
        return answer(body)

    with serve_in_thread(ModelServer(listen)) as server:
        project = NightProject.create(tmp_path / "project", server.base_url)
        for name, value in project.environment.items():
            monkeypatch.setenv(name, value)
        project.configure("desk", server.base_url, more='\n[splits]\ngroup_by = ["user", "text"]\n')
        with project.store() as store:
            _remark(store, "first")
        await one_night()
        with project.store() as store:
            _remark(store, "second")
        await one_night()
        await one_night(day=DAY + dt.timedelta(days=1))
        with project.store() as store:
            sealed = _numbers(HeldOut(store, "desk", "main").examples())
            train = _numbers(store.datasets.examples("desk", "main", Split.TRAIN))
            wear = store.datasets.wear("desk", "main", _rule(project))
            held_out = [e for e in store.experiments.list("desk") if e.split is Split.HELD_OUT]
            measured = [{run.key.example_id for run in store.experiments.runs(e.id)} for e in held_out]
    told = {int(number) for number in NUMBER.findall("\n".join(said))}
    texts = "\n".join(said)
    assert len(sealed) > 20
    assert set() == told & sealed
    assert [] == [number for number in sealed if message(number) in texts]
    # The other way round, so that a test that listens in the wrong place fails.
    assert told & train
    assert any(message(number) in "\n".join(agents) for number in sealed)
    # Two starts of one night count once, and what an early stop left alone was not used.
    assert 0 < sum(nights * count for nights, count in wear.uses.items()) == sum(map(len, measured))


def _remark(store: Store, when: str) -> None:
    """A person's note, correction and criterion on every trace, each naming its number."""
    items = []
    for trace_id in store.traces.ids(TraceQuery(agent="desk")):
        number = int(trace_id[-8:], 16)
        said = {"source": FeedbackSource.HUMAN, "author": when, "comment": f"canary{number}end {when}"}
        at = dt.datetime.combine(DAY, dt.time(1), dt.UTC)
        right = right_queue(message(number))
        items.append(Feedback(trace_id=trace_id, key="note", correction=right, created_at=at, **said))
        items.append(Feedback(trace_id=trace_id, key="criterion", created_at=at, **said))
    store.feedback.add(items)


def _numbers(examples: Iterable[Example]) -> set[int]:
    by_text = {message(number): number for number in range(TRACES)}
    return {by_text[str(example.input)] for example in examples}


def _rule(project: NightProject) -> SplitRule:
    return load_agent(project.folder, "desk").splits
