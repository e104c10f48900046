"""`burnish queues` and `burnish users`, as a program that labels uses them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.seeded import store_url
from typer.testing import CliRunner, Result

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.feedback import FeedbackSource
from burnish.domain.traces import Span, Trace
from burnish.drivers.cli.app import app

QUEUES = """
- name: desk
  rubric: tone
  labels: 2
  fill:
    - {kind: share, share: 1.0}
"""

AGENT = """
name = "desk"
[repository]
url = "x"
[target]
[improve]
metric = "m"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a queue, an agent and two young traces."""
    for name, text in (("agents/desk.toml", AGENT), ("rubrics/tone.yaml", "rubric: Be kind."), ("queues.yaml", QUEUES)):
        path = tmp_path / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    begun = utc_now() - timedelta(minutes=5)
    with Store.open(store_url(tmp_path)) as store:
        store.traces.add(
            Trace(
                trace_id=f"t{n}", agent="desk", source="otlp", name="chat", started_at=begun, input="hi",
                output="<b>\x1b[31m",
                spans=(Span(trace_id=f"t{n}", span_id="s", name="chat", started_at=begun),),
            )
            for n in range(2)
        )  # fmt: skip
    return tmp_path


def ask(folder: Path, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["--project", str(folder), *arguments], input=stdin)


def told(folder: Path, *arguments: str) -> Any:
    result = ask(folder, *arguments, "--json")
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def test_a_program_works_through_a_queue(folder: Path) -> None:
    """Fill, take, label, undo, label again; the other reviewer; a dispute; an expert decides."""
    assert 2 == told(folder, "queues", "fill")["desk"]["desk"]["added"]
    first = told(folder, "queues", "next", "desk", "--as", "ann")
    assert ("Be kind.", [["fail", 0.0], ["pass", 1.0]]) == (
        first["rubric"]["rubric"],
        [[grade["title"], grade["score"]] for grade in first["ask"]["grades"]],
    )
    item, trace_id = first["assignment"]["item"]["id"], first["trace"]["trace_id"]
    said = ["--score", "1", "--comment", "fine", "--criterion", "greets", "--criterion", "is short"]
    assert told(folder, "queues", "label", "desk", item[:8], "--as", "ann", *said)["accepted"]
    assert told(folder, "queues", "undo", "desk", "--as", "ann")["item"]["given"] == 0
    told(folder, "queues", "label", "desk", item, "--as", "ann", "--score", "1")
    told(folder, "queues", "label", "desk", item, "--as", "bob", "--score", "0", "--correction-json", '{"a": 1}')
    row = told(folder, "queues", "list")[0]
    assert (1, 1, 2) == (row["progress"]["open"], row["progress"]["disputed"], row["progress"]["labels"])
    expert = told(folder, "queues", "next", "desk", "--as", "eve", "--expert")
    assert [item, "adjudication", 2] == [
        expert["assignment"]["item"]["id"], expert["assignment"]["kind"], len(expert["assignment"]["labels"]),
    ]  # fmt: skip
    told(folder, "queues", "label", "desk", item, "--as", "eve", "--expert", "--score", "0")
    shown = told(folder, "queues", "show", "desk", "--judge", "helpful")
    assert (["ann", "bob"], 1, None) == (
        shown["agreement"]["people"], shown["progress"]["settled"], shown["judge_right"],
    )  # fmt: skip
    with Store.open(store_url(folder)) as store:
        said_of_it = store.feedback.for_trace(trace_id)
        assert {("ann", 1.0), ("bob", 0.0), ("eve", 0.0)} == {(one.author, one.score) for one in said_of_it}
        assert {FeedbackSource.HUMAN} == {one.source for one in said_of_it}


def test_a_person_reads_it_on_a_terminal(folder: Path) -> None:
    """Trace, rubric and what is asked, with nothing that a terminal would act on; skip and escalate."""
    ask(folder, "queues", "fill")
    page = ask(folder, "queues", "next", "desk", "--as", "ann").stdout
    assert "Because" not in page  # the rule may tell what a judge said
    assert () == tuple(told(folder, "queues", "next", "desk", "--as", "ann")["assignment"]["item"]["reasons"])
    assert "Be kind." in page
    assert "--score: 0 fail, 1 pass" in page
    assert "\x1b[31m" not in page
    item = told(folder, "queues", "next", "desk", "--as", "ann")["assignment"]["item"]["id"]
    assert "open" in ask(folder, "queues", "escalate", "desk", item, "--as", "ann", "--note", "law").output
    other = told(folder, "queues", "next", "desk", "--as", "ann")["assignment"]["item"]["id"]
    assert 0 == ask(folder, "queues", "skip", "desk", other, "--as", "ann").exit_code
    assert 3 == ask(folder, "queues", "next", "desk", "--as", "ann").exit_code
    assert "law" in ask(folder, "queues", "next", "desk", "--as", "eve", "--expert").stdout
    assert "low_score" in ask(folder, "queues", "schema").stdout
    overview = ask(folder, "queues", "show", "desk").stdout
    assert "1 waiting for an expert" in overview


def test_what_is_refused_says_why(folder: Path) -> None:
    """A wrong queue, a wrong score, an item that is not there, nothing to undo."""
    ask(folder, "queues", "fill")
    assert "did you mean 'desk'" in str(ask(folder, "queues", "next", "dsk", "--as", "ann").exception)
    item = told(folder, "queues", "next", "desk", "--as", "ann")["assignment"]["item"]["id"]
    wrong = ask(folder, "queues", "label", "desk", item, "--as", "ann", "--score", "0.5")
    assert "score 0.5 is not on this queue's scale: 0 (fail), 1 (pass)" in str(wrong.exception)
    assert "no item" in str(ask(folder, "queues", "skip", "desk", "nothing", "--as", "ann").exception)
    assert 3 == ask(folder, "queues", "undo", "desk", "--as", "ann").exit_code


def test_accounts_are_made_listed_and_removed(folder: Path) -> None:
    """A password from stdin is never shown; once there are accounts, only they review."""
    ask(folder, "queues", "fill")
    made = ask(folder, "users", "add", "ann", "--queue", "desk", "--password-stdin", stdin="correct horse\n")
    assert 0 == made.exit_code, made.output
    assert "users add NAME --role admin" in made.output
    assert [("ann", "reviewer", ["desk"], True)] == [
        (one["name"], one["role"], one["queues"], one["has_password"]) for one in told(folder, "users", "list")
    ]
    assert "no user 'bob'" in str(ask(folder, "queues", "next", "desk", "--as", "bob").exception)
    misspelt = ask(folder, "users", "add", "ann", "--queue", "dsk")
    assert "config/queues.yaml has no queue dsk; there are: desk" in misspelt.output
    ask(folder, "users", "add", "ann", "--queue", "desk")
    ask(folder, "users", "add", "ann", "--role", "expert")
    assert [("expert", ["desk"])] == [(one["role"], one["queues"]) for one in told(folder, "users", "list")]
    ask(folder, "users", "add", "ann", "--role", "expert", "--all-queues")
    assert [None] == [one["queues"] for one in told(folder, "users", "list")]
    ask(folder, "users", "password", "ann", "--password-stdin", stdin="another horse\n")
    with Store.open(store_url(folder)) as store:
        assert store.users.authenticate("ann", "another horse").user is not None
    ask(folder, "users", "add", "ann", "--role", "admin")
    assert "only admin" in str(ask(folder, "users", "remove", "ann").exception)
    gone = ask(folder, "users", "remove", "ann", "--last-admin")
    assert 0 == gone.exit_code
    assert "open to whoever reaches them" in gone.output
    assert 3 == ask(folder, "users", "list").exit_code


def test_no_secret_that_a_reviewer_types_is_stored(folder: Path) -> None:
    """Comments, corrections, criteria, remarks on spans and notes pass the agent's rules before they are written."""
    secret = "ghp_" + "a1B2c3D4e5F6" * 3
    told(folder, "queues", "fill")
    item = told(folder, "queues", "next", "desk", "--as", "ann")["assignment"]["item"]["id"]
    said = ["--comment", f"it used {secret}", "--correction-json", json.dumps({"say": f"never {secret}"})]
    said += ["--criterion", f"hides {secret}", "--span", "s", "--span-comment", f"here: {secret}"]
    told(folder, "queues", "label", "desk", item, "--as", "ann", "--score", "1", *said)
    told(folder, "queues", "escalate", "desk", item, "--as", "bob", "--note", f"see {secret}")
    with Store.open(store_url(folder)) as store:
        assert 5 == sum(row.count for row in store.redactions.list("desk"))
        comments = {item.comment for one in ("t0", "t1") for item in store.feedback.for_trace(one)}
    assert "it used [redacted:github_token]" in comments
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert secret.encode() not in kept
