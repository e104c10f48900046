"""A project whose judge people disagree with: its files in a real repository, traces, labels, and a model by rule.

People fail what holds "guarantee". The stand-in's judge passes everything polite, and heeds the word only where it is
shown examples of people failing it; what a rewording adds teaches it nothing.
"""

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.adapters.store import Store
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import Span, SpanKind, SpanStatus, Trace
from support.model_server import Answer, completion
from support.repositories import bare_remote, git

__all__ = ["CANARY", "MONDAY", "RUBRIC", "JudgeProject", "asked_text", "judge_answer", "trace_id"]

MONDAY = dt.date(2026, 3, 9)
CANARY = "sealedsecret"
_START = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)
_WORDS = tuple(
    "amber birch coral dune elm fern grove heath iris jade kelp lilac moss nutmeg olive pearl quartz reed".split(" ")  # noqa: SIM905
)
RUBRIC = "# What the team agreed on.\nrubric: |\n  The answer is polite and keeps to {{ what }} the company may say.\n"
_SPEC = """# Judges of the support desk.
- kind: judge
  name: polite
  rubric: polite   # a file
  applies:
    sample: 0.5
"""
_CRITERIA = """  criteria:
    tone: The answer is polite.
    promise: The answer promises nothing.
"""
_AGENT = """evaluators = ["polite"]

[repository]
url = "nowhere.git"

[target]
kind = "prompt"
prompt = "prompts/router.md"

[models.judge]
name = "fake-model"
base_url = "{base_url}"

[models.proposer]
name = "fake-proposer"
base_url = "{base_url}"

[improve]
metric = "polite"

{more}"""


def asked_text(body: dict[str, Any]) -> str:
    """All text of a request."""
    return "\n".join(str(item["content"]) for item in body["messages"])


def judge_answer(body: dict[str, Any]) -> Answer:
    """The stand-in for a model."""
    if "instruction" in body["response_format"]["json_schema"]["schema"]["properties"]:
        return Answer(completion(json.dumps({"instruction": "Read the answer to its end."})))
    text = str(body["messages"][1]["content"])
    examples, _, record = text.rpartition("<record-")
    taught = "guarantee" in examples and "  fail" in examples
    if "tone" in body["response_format"]["json_schema"]["schema"]["properties"]:
        seen = "promise: fail" in examples or "as a whole: fail" in examples
        fails = {"tone": "rude" in record, "promise": seen and "guarantee" in record}
        given = {name: {"reasoning": "So.", "verdict": "fail" if bad else "pass"} for name, bad in fails.items()}
        return Answer(completion(json.dumps(given)))
    bad = "guarantee" in record if taught else "rude" in record
    return Answer(completion(json.dumps({"reasoning": "So it is.", "verdict": "fail" if bad else "pass"})))


def trace_id(number: int) -> str:
    """Ids that do not sort as the numbers do."""
    return f"{(number * 2654435761) % 2**32:08x}{number:024x}"


@dataclass(frozen=True)
class JudgeProject:
    """A project folder and the environment its runs need."""

    folder: Path
    base_url: str

    @classmethod
    def create(
        cls,
        folder: Path,
        base_url: str,
        *,
        traces: int = 100,
        sealed: Iterable[int] = (),
        repo: bool = True,
        criteria: bool = False,
    ):  # type: ignore[no-untyped-def]
        """Write the project, push its files, and label the traces: every second says "guarantee", which people fail.

        With `criteria` the judge has two, and people label "promise" by itself on a third of the traces.
        """
        files = {
            "config/evaluators/judges.yaml": _SPEC + (_CRITERIA if criteria else ""),
            "config/rubrics/polite.yaml": RUBRIC,
            "config/agents/desk.toml": _AGENT.format(base_url=base_url, more=""),
            ".gitignore": ".burnish\n",
        }
        project = cls(folder / "ada" if repo else folder, base_url)
        if repo:
            bare_remote(folder, files)
        else:
            for path, text in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
        with project.store() as store:
            hidden = set(sealed)
            made = [_trace(number, number in hidden) for number in range(traces)]
            store.traces.add(made)
            examples = [Example.of_trace(made[number]) for number in hidden]
            store.datasets.add(
                "desk", DATASET, [(e.model_copy(update={"group": e.id}), Split.HELD_OUT) for e in examples]
            )
            store.feedback.add(label for number in range(traces) for label in _labels(number))
            if criteria:
                store.feedback.add(_on_promise(number) for number in range(traces) if number % 6 in (0, 1))
        return project

    def configure(self, more: str) -> None:
        """Write the agent's file again, with further lines."""
        file = self.folder / "config" / "agents" / "desk.toml"
        file.write_text(_AGENT.format(base_url=self.base_url, more=more))

    @property
    def environment(self) -> dict[str, str]:
        """What the settings read."""
        return {"BURNISH_PROJECT": str(self.folder), "BURNISH_HOME": str(self.folder / ".burnish")}

    @property
    def remote(self) -> Path:
        """The bare repository of the project's files."""
        return self.folder.parent / "remote.git"

    def branches(self) -> list[str]:
        """Branches of the remote."""
        return git(self.remote, "branch", "--format=%(refname:short)").splitlines()

    def store(self) -> Store:
        """The project's store."""
        return Store.open(f"sqlite:///{self.folder / '.burnish' / 'burnish.sqlite3'}")


def _trace(number: int, sealed: bool) -> Trace:
    begun = _START + dt.timedelta(minutes=number)
    word = f"{_WORDS[number % 18]} {_WORDS[(number // 18) % 18]} {number * 7919}"
    text = f"{CANARY if sealed else 'Hello'} about {word}, can it be done?"
    promise = "we guarantee it" if number % 2 else "we will try"
    said = f"{'rude' if number % 8 == 0 else 'Dear customer'}, {promise} for {word}" + (f" {CANARY}" if sealed else "")
    root = Span(
        trace_id=trace_id(number), span_id=f"{number:016x}", name="answer", kind=SpanKind.AGENT,
        started_at=begun, ended_at=begun + dt.timedelta(seconds=1), input=text, output=said,
    )  # fmt: skip
    return Trace(
        trace_id=trace_id(number), agent="desk", source="otlp", name="answer", started_at=begun,
        ended_at=begun + dt.timedelta(seconds=1), status=SpanStatus.OK, input=text, output=said, spans=(root,),
    )  # fmt: skip


def _labels(number: int) -> list[Feedback]:
    """Two people; Ben sees every tenth otherwise, and Cid decides those."""
    bad = bool(number % 2)
    at = _START + dt.timedelta(days=1, minutes=number)
    comment = "The company may guarantee nothing." if bad and number % 4 == 1 else None
    votes = [("ana", not bad, ""), ("ben", bad if number % 10 == 3 else not bad, "")]
    if number % 10 == 3:
        votes.append(("cid", not bad, "adjudicated"))
    return [
        Feedback(
            trace_id=trace_id(number), key="review", source=FeedbackSource.HUMAN, author=who, score=float(good),
            comment=comment if who != "ben" else None, version=version, created_at=at,
        )
        for who, good, version in votes
    ]  # fmt: skip


def _on_promise(number: int) -> Feedback:
    return Feedback(
        trace_id=trace_id(number), key="polite.promise", source=FeedbackSource.HUMAN, author="ana",
        score=float(number % 2 == 0), created_at=_START + dt.timedelta(days=1, minutes=number),
    )  # fmt: skip
