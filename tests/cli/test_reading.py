"""What the reading commands say."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.hostile import HOSTILE_ID, hostile_feedback, hostile_trace
from support.seeded import AGENT, NIGHT, PULL_ID, store_url, trace_id
from typer.testing import CliRunner, Result

from burnish.adapters.store import Store
from burnish.domain.listing import TraceQuery
from burnish.drivers.cli.app import app
from burnish.drivers.cli.output import short_ids
from burnish.errors import NotFoundError

Ask = Callable[..., Result]
LISTS = ["traces", "clusters", "proposals", "experiments", "pulls", "nights"]


@pytest.fixture
def ask(project: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--project", str(project), *arguments])

    return call


def data(result: Result) -> Any:
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("noun", LISTS)
def test_the_plain_noun_lists(ask: Ask, noun: str) -> None:
    """`burnish traces` is `burnish traces list`, options included."""
    assert ask(noun, "list", "--json").stdout == ask(noun, "--json").stdout
    assert ask(noun).stdout == ask(noun, "list").stdout


@pytest.mark.parametrize("noun", LISTS)
def test_json_holds_whole_ids_and_utc_times(ask: Ask, noun: str) -> None:
    """Every row has its whole id; every time is ISO in UTC."""
    rows = data(ask(noun, "--json"))
    key = "trace_id" if noun == "traces" else "id"
    assert all(len(row[key]) >= 12 for row in rows)
    times = [value for row in rows for name, value in row.items() if name.endswith("_at") and value]
    assert [] == [value for value in times if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value)]


@pytest.mark.parametrize("noun", LISTS)
def test_what_a_list_names_can_be_shown(ask: Ask, noun: str) -> None:
    """The id of every row, whole or as short as the table shows it, leads to its page."""
    row = data(ask(noun, "--json"))[0]
    whole = row["trace_id" if noun == "traces" else "id"]
    shown = data(ask(noun, "show", whole, "--json"))
    assert whole == shown["trace_id" if noun == "traces" else "id"]
    assert 0 == ask(noun, "show", whole).exit_code
    if noun != "nights":
        assert whole[:8] in ask(noun).stdout
        assert 0 == ask(noun, "show", whole[:8]).exit_code


def test_filters_choose_traces(ask: Ask) -> None:
    """Status, failing metric, session, time and paging narrow the list."""
    assert 6 == len(data(ask("traces", "--status", "error", "--json")))
    assert 33 == len(data(ask("traces", "--below", "correct_queue=0.5", "--limit", "99", "--json")))
    assert 3 == len(data(ask("traces", "--session", "session-1", "--json")))
    assert 10 == len(data(ask("traces", "--until", "2026-03-13T09:06Z", "--json")))
    assert 3 == ask("traces", "--since", "1m", "--json").exit_code
    first, second = (data(ask("traces", "--limit", "30", "--offset", str(n), "--json")) for n in (0, 30))
    assert 60 == len({row["trace_id"] for row in first + second})


def test_a_trace_shows_conversation_steps_and_scores(ask: Ask) -> None:
    """The page of a trace holds what was said, which tools ran, and how it was scored."""
    text = ask("traces", "show", trace_id(4)).stdout
    for expected in (
        "You route messages.",
        'find_customer {"case": 4}',
        "chat second",
        "correct_queue",
        "ana",
        "cedar",
    ):
        assert expected in text


def test_a_proposal_shows_diff_verdict_and_scores(ask: Ask, seeded: Store) -> None:
    """Added lines carry a plus, the gate's reasons stand in full, the table holds effect and interval."""
    proposal = next(one for one in seeded.proposals.list() if one.title.startswith("Say what"))
    text = ask("proposals", "show", proposal.id).stdout
    assert "+ - atlas: cards that are lost" in text
    assert "no_error did not fall by more than the margin of 0.05." in text
    assert "+0.33 [+0.16, +0.51]" in text
    assert "accepted" == data(ask("proposals", "show", proposal.id, "--json"))["verdict"]["outcome"]


def test_an_experiment_shows_arms_intervals_and_what_changed(ask: Ask, seeded: Store) -> None:
    """Each arm has its mean and interval over what was measured, and the examples fixed and broken."""
    held_out = seeded.experiments.list()[0]
    shown = data(ask("experiments", "show", held_out.id, "--json"))
    baseline, candidate = shown["results"]
    assert (39, 1, 20 / 39) == (baseline["measured"], baseline["unmeasured"], baseline["mean"])
    assert (14, 1, 24) == (candidate["wins"], candidate["losses"], candidate["ties"])
    assert ["#03"] == candidate["broken"]
    assert candidate["low"] < candidate["mean"] < candidate["high"]
    assert "[0.73, 0.96]" in ask("experiments", "show", held_out.id).stdout


def test_ids_of_held_out_examples_are_told_nowhere(ask: Ask, seeded: Store) -> None:
    """They are hashes of inputs: a held-out experiment numbers its examples, while one on dev names them."""
    held_out, dev = seeded.experiments.list()
    proposal = next(one for one in seeded.proposals.list() if one.title.startswith("Say what"))
    for command in (("experiments", "show", held_out.id), ("proposals", "show", proposal.id)):
        for form in ((), ("--json",)):
            text = ask(*command, *form).stdout
            assert "example-" not in text
            assert "sealed-" not in text
    assert "broken: #03" in ask("experiments", "show", held_out.id).stdout
    assert "example-02" in ask("experiments", "show", dev.id).stdout
    verdict = data(ask("proposals", "show", proposal.id, "--json"))["verdict"]
    assert {"wins", "losses"} <= verdict["comparison"].keys()


def test_a_dev_experiment_is_shown_by_failure_cluster(ask: Ask, seeded: Store) -> None:
    """Each cluster's examples with what was fixed and broken there; together they are all examples."""
    dev = seeded.experiments.list()[1]
    for part in data(ask("experiments", "show", dev.id, "--json"))["breakdown"]:
        assert ["correct_queue"] == [comparison["metric"] for comparison in part["evaluators"]]
        names = [cluster["name"] for cluster in part["clusters"]]
        assert {"Swallowed cards go to the wrong queue", "Foreign payments taken for transfers"} == set(names[:2])
        assert ["in no cluster"] == names[2:]
        assert 40 == sum(cluster["examples"] for cluster in part["clusters"])
        whole = part["evaluators"][0]
        assert whole["wins"] == sum(cluster["comparison"]["wins"] for cluster in part["clusters"])
    text = ask("experiments", "show", dev.id).stdout
    assert "by failure cluster" in text
    assert "1 of 40 runs unmeasured (infrastructure 1)" in text
    held_out = data(ask("experiments", "show", seeded.experiments.list()[0].id, "--json"))
    assert [[]] == [part["clusters"] for part in held_out["breakdown"]]


def test_a_dataset_shows_versions_and_wear_in_counts(ask: Ask) -> None:
    """Three versions, newest first; of held-out examples neither text nor id is told anywhere."""
    (listed,) = data(ask("datasets", "--json"))
    assert {"train": 0, "dev": 40, "held_out": 40} == listed["counts"]
    shown = data(ask("datasets", "show", AGENT, "--json"))
    assert [3, 2, 1] == [version["number"] for version in shown["versions"]]
    assert {"0": 0, "1": 30, "2": 10} == {"0": 0, **shown["wear"]["uses"]}
    changed = data(ask("datasets", "diff", AGENT, "1", "--json"))["splits"]
    assert (10, None, ["train-00"]) == (
        changed["held_out"]["added"], changed["held_out"]["ids"], changed["train"]["ids"]["retired"],
    )  # fmt: skip
    pages = [ask("datasets", *more) for more in ((), ("show", AGENT), ("diff", AGENT, "0"))]
    text = "".join(page.stdout for page in pages)
    assert [0, 0, 0] == [page.exit_code for page in pages]
    assert ("example-07" in text, "sealed" in text) == (True, False)
    assert isinstance(ask("datasets", "diff", AGENT, "0", "9").exception, NotFoundError)


def test_a_pull_request_is_found_by_number_and_id(ask: Ask) -> None:
    """Number, number sign and id name the same pull request; its body is rendered."""
    assert [PULL_ID] * 3 == [data(ask("pulls", "show", one, "--json"))["id"] for one in ("1", "#1", PULL_ID)]
    assert "Reviewers corrected 15 traces to atlas." in ask("pulls", "show", "1").stdout


def test_an_agents_name_is_its_newest_night(ask: Ask) -> None:
    """`nights show AGENT` is the newest night, with what its model calls cost."""
    assert NIGHT == data(ask("nights", "show", AGENT, "--json"))["id"]
    assert "propose" in ask("nights", "show", AGENT).stdout


def test_narrow_terminals_get_narrow_tables(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than the terminal, and no row takes two, as long as what keeps its width fits; ids are whole."""
    monkeypatch.setenv("COLUMNS", "100")
    lines = ask("traces", "--limit", "5").stdout.splitlines()
    assert 6 == len(lines)
    assert all(len(line) <= 100 for line in lines)
    monkeypatch.setenv("COLUMNS", "40")  # a pipe has no edge: the table is as wide as it must be
    narrow = ask("traces", "--limit", "5").stdout.splitlines()
    assert [line[:40] for line in lines] == [line[:40] for line in narrow]
    assert all("support-desk" in line for line in narrow[1:])


def test_short_ids_tell_rows_apart() -> None:
    """Ids are cut to 8 characters, or to as many as keep them different."""
    assert {"a" * 12: "a" * 8, "b" * 12: "b" * 8} == short_ids(["a" * 12, "b" * 12])
    assert {"same-start-1": "same-start-1", "same-start-2": "same-start-2"} == short_ids(
        ["same-start-1", "same-start-2"]
    )


def test_a_trace_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    """Escape codes and hidden characters of a trace never reach the terminal, in tables, pages or JSON."""
    with Store.open(store_url(tmp_path)) as store:
        store.traces.add([hostile_trace()])
        store.feedback.add([hostile_feedback()])
        assert 1 == store.traces.count(TraceQuery())
    for arguments in (["traces"], ["traces", "show", HOSTILE_ID, "--full"], ["traces", "--json"],
                      ["traces", "show", HOSTILE_ID, "--json"]):  # fmt: skip
        result = CliRunner().invoke(app, ["--project", str(tmp_path), *arguments])
        assert 0 == result.exit_code
        for character in "\x1b\x07\x9b\u202e\u2066\u200b\U000e0041":
            assert character not in result.stdout
