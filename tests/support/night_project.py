"""A whole project in a folder: agents that are prompt files in real repositories, and a store of corrected traces.

The stand-in for a model decides by what the prompt says: it knows where a message belongs only where the line of a
queue carries the queue's meaning. So whether a night gains anything is decided by the diff that burnish writes.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.adapters.store import Store
from burnish.domain.traces import Span, SpanKind, SpanStatus, Trace
from burnish.loop.annotate import Review, import_reviews
from support.model_server import Answer, completion
from support.repositories import bare_remote

__all__ = ["DAY", "PROMPT", "TOPICS", "NightProject", "answer", "asked_text", "is_target", "message", "right_queue"]

DAY = dt.date(2026, 3, 14)
PROMPT = """You are the support desk of {{ company }}.

Send the customer's message to one of these queues:

- atlas
- bravo
- cedar
- delta

Answer with the queue's name alone.
"""
TOPICS = {"atlas": "invoice", "bravo": "parcel", "cedar": "password", "delta": "kayak"}
TRACES = 80

_OPENINGS = ("Hello team,", "Urgent:", "Quick question,", "Since Monday", "My colleague says")
_TROUBLES = ("is missing at the harbour", "was cut in half", "glows strangely", "came twice in June")
_MARKS = (
    "amber birch coral dune elm fern grove heath iris jade kelp lilac moss nutmeg olive pearl quartz reed sage tulip"
)
_START = dt.datetime(2026, 3, 13, 8, 0, tzinfo=dt.UTC)

_AGENT = """evaluators = ["right_queue"]

[repository]
url = "{url}"

[source]
kind = "endpoint"

[target]
kind = "prompt"
prompt = "prompts/router.md"
variables = {{ company = "Alder" }}
concurrency = {concurrency}

[models.target]
name = "fake-model"
base_url = "{base_url}"

[models.proposer]
name = "{proposer}"
base_url = "{base_url}"

[improve]
metric = "right_queue"
files = ["prompts/*.md"]
candidates = 2
dev_limit = 12
held_out_limit = 30
repetitions = 1

[cluster]
embedder = "tfidf"

[gate]
level = 0.01
minimum_pairs = 10
{more}"""
_EVALUATORS = """- kind: exact_match
  name: right_queue
  applies:
    has_expected: true
"""


def message(number: int) -> str:
    """What customer number `number` asks; no two ask nearly the same."""
    topic = list(TOPICS.values())[number % 4]
    mark = _MARKS.split()[number // 4]
    opening = _OPENINGS[number % 5]
    return f"{opening} the {topic} {_TROUBLES[number // 4 % 4]}, {mark} {number * 37}"


def right_queue(text: str) -> str:
    """Where a message belongs."""
    return next(queue for queue, topic in TOPICS.items() if topic in text)


def asked_text(body: dict[str, Any]) -> str:
    """All text of a request."""
    return "\n".join(str(item["content"]) for item in body["messages"])


def is_target(body: dict[str, Any]) -> bool:
    """Whether the agent asks, and not burnish itself."""
    return str(body["messages"][0]["content"]).startswith("You are the support desk of Alder.")


def answer(body: dict[str, Any]) -> Answer:
    """The stand-in: routes by the meanings in the prompt, and says what messages are about when it is asked."""
    if is_target(body):
        return Answer(completion(_routed(body["messages"][0]["content"], body["messages"][1]["content"])))
    fields = body["response_format"]["json_schema"]["schema"]["properties"]
    if "about" in fields:
        # The vague one has a sentence too, and it helps nobody.
        topic = next(topic for topic in TOPICS.values() if topic in asked_text(body))
        said = "messages from customers" if body["model"] == "vague-model" else f"everything around the {topic}"
        return Answer(completion(json.dumps({"about": said})))
    if "instruction" in fields:
        return Answer(completion(json.dumps({"instruction": "Read the message twice before you answer."})))
    return Answer(completion(json.dumps({"title": "Wrong queue", "description": "Sent to the wrong queue."})))


def _routed(prompt: str, text: str) -> str:
    for line in prompt.splitlines():
        queue, found, meaning = line.removeprefix("- ").partition(": ")
        meaning = meaning.partition(" For example:")[0]  # quotes alone teach it nothing
        if found and queue in TOPICS and any(word in meaning and word in text for word in TOPICS.values()):
            return queue
    return "atlas"


@dataclass(frozen=True)
class NightProject:
    """A project folder and the environment its runs need."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, base_url: str, agents: Sequence[str] = ("desk",)) -> "NightProject":
        """Write the project, the agents' repositories and their traces with what reviewers said of them."""
        project = cls(folder)
        (folder / "config" / "evaluators").mkdir(parents=True)
        (folder / "config" / "agents").mkdir()
        (folder / "config" / "evaluators" / "queues.yaml").write_text(_EVALUATORS)
        for agent in agents:
            bare_remote(folder / "git" / agent, {"prompts/router.md": PROMPT})
            project.configure(agent, base_url)
        with project.store() as store:
            for agent in agents:
                store.traces.add([_trace(agent, number) for number in range(TRACES)])
                reviews = [
                    Review(trace_id=_trace_id(agent, n), reviewer="ines", expected=right_queue(message(n)), at=_START)
                    for n in range(TRACES)
                ]
                assert TRACES == import_reviews(store, agent, reviews).written
        return project

    def configure(
        self, agent: str, base_url: str, *, proposer: str = "fake-model", concurrency: int = 4, more: str = ""
    ) -> None:
        """Write the agent's file, new or again."""
        text = _AGENT.format(
            url=self.remote(agent), base_url=base_url, proposer=proposer, concurrency=concurrency, more=more
        )
        (self.folder / "config" / "agents" / f"{agent}.toml").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        """What the settings read."""
        return {"BURNISH_PROJECT": str(self.folder), "BURNISH_HOME": str(self.folder / ".burnish")}

    def remote(self, agent: str = "desk") -> Path:
        """The agent's bare repository."""
        return self.folder / "git" / agent / "remote.git"

    def store(self) -> Store:
        """The project's store."""
        return Store.open(f"sqlite:///{self.folder / '.burnish' / 'burnish.sqlite3'}")


def _trace_id(agent: str, number: int) -> str:
    return f"{(number * 2654435761) % 2**32:08x}{agent.encode().hex()[:16]:0>16}{number:08x}"


def _trace(agent: str, number: int) -> Trace:
    begun = _START + dt.timedelta(minutes=number)
    ended = begun + dt.timedelta(seconds=1)
    trace_id, text = _trace_id(agent, number), message(number)
    root = Span(
        trace_id=trace_id, span_id=f"{number:016x}", name="route", kind=SpanKind.AGENT,
        started_at=begun, ended_at=ended, input=text, output="atlas",
    )  # fmt: skip
    return Trace(
        trace_id=trace_id, agent=agent, source="otlp", name="route", started_at=begun, ended_at=ended,
        status=SpanStatus.OK, input=text, output="atlas", spans=(root,),
    )  # fmt: skip
