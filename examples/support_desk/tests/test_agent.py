"""What the desk does without a model."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support_desk.agent import COMPANY, PROMPT_FILE, QUEUES, Desk, parse_queue, render_prompt
from support_desk.tools import find_order_id, lookup_order

DATA = Path(__file__).resolve().parents[1] / "data"


class FakeClient:
    """Answers every call alike and keeps what was asked."""

    def __init__(self, content: str) -> None:
        self.asked: list[dict[str, Any]] = []
        message = SimpleNamespace(content=content)
        choice = SimpleNamespace(message=message, finish_reason="stop")
        self._reply = SimpleNamespace(choices=[choice], model="fake", usage=None)
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    def _create(self, **request: Any) -> Any:
        self.asked.append(request)
        return self._reply


def test_the_answer_is_the_queue() -> None:
    """The desk sends the filled prompt and the message, and returns the queue that the model names."""
    client = FakeClient("Q3")
    result = Desk(model="fake", client=client).route("I want my deposit back")
    system, user = client.asked[0]["messages"]
    assert "Q3" == result["queue"]
    assert COMPANY in system["content"]
    assert "{{" not in system["content"]
    assert "I want my deposit back" == user["content"]


@pytest.mark.parametrize(
    ("answer", "queue"),
    [("Q1", "Q1"), ("It belongs to Q2.", "Q2"), ("Q1 or Q2", None), ("no idea", None), ("Q12", None)],
)
def test_an_answer_counts_when_it_names_one_queue(answer: str, queue: str | None) -> None:
    """A bare name and a chatty answer are read alike; two queues or none are left to a person."""
    assert queue == parse_queue(answer)


def test_an_order_is_looked_up_where_the_message_names_one() -> None:
    """The number is found in running text, and an unknown order is an answer, not an error."""
    orders = json.loads((DATA / "orders.json").read_text(encoding="utf-8"))
    known = next(iter(orders))
    assert known == find_order_id(f"where is my order {known.lower()}?")
    assert find_order_id("where is my order?") is None
    assert {"order_id": known, "found": True, **orders[known]} == lookup_order(known)
    assert {"order_id": "#A0000", "found": False} == lookup_order("#A0000")


def test_each_queue_stands_on_a_line_of_its_own_once() -> None:
    """Edits to the prompt search for these lines and must match exactly once."""
    lines = render_prompt(PROMPT_FILE.read_text(encoding="utf-8")).splitlines()
    assert [1] * len(QUEUES) == [lines.count(f"- {queue}") for queue in QUEUES]


def test_reviews_are_of_messages_that_were_sent() -> None:
    """Every review names a message and a queue of the company's."""
    sent = {json.loads(line)["id"] for line in (DATA / "traffic.jsonl").read_text(encoding="utf-8").splitlines()}
    reviews = [json.loads(line) for line in (DATA / "reviews.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {review["session_id"] for review in reviews} <= sent
    assert {review["expected"] for review in reviews} == set(QUEUES)
