import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from support.seeded import AGENT, NIGHT, PULL_ID, START, trace_id
from web.conftest import client_of, settings_for

from burnish.adapters.store import Store
from burnish.domain.feedback import Feedback
from burnish.domain.listing import TraceQuery
from burnish.domain.proposals import Edit, Proposal, PullRequest
from burnish.drivers.web import create_app
from burnish.project import AgentConfig

LISTS = ["/traces", "/clusters", "/datasets", "/experiments", "/proposals", "/pull-requests", "/nights"]


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name == "href"]


def links(text: str) -> list[str]:
    parser = Links()
    parser.feed(text)
    return [link for link in parser.found if link.startswith("/")]


def test_every_link_of_every_page_leads_somewhere(pages: TestClient) -> None:
    """Following the links from the first page meets no missing page."""
    seen: set[str] = set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        kind = path.partition("?")[0].rsplit("/", 1)[0] if path.startswith("/traces/") else path
        if kind in seen:
            continue
        seen.add(kind)
        answer = pages.get(path)
        assert 200 == answer.status_code, path
        if "text/html" in answer.headers["content-type"]:
            waiting += links(answer.text)
    assert {"/traces", f"/pull-requests/{PULL_ID}", f"/nights/{NIGHT}"} <= seen


@pytest.mark.parametrize("path", ["/", *LISTS])
def test_an_empty_store_says_what_to_do_next(client: TestClient, path: str) -> None:
    """Every list of an empty store is a page that names the next step."""
    answer = client.get(path)
    assert 200 == answer.status_code
    assert 'class="empty"' in answer.text


def test_held_out_examples_are_counted_and_not_shown(pages: TestClient) -> None:
    """The page of a dataset has counts, versions and wear, and no id of a held-out example."""
    text = pages.get(f"/datasets/{AGENT}/main").text
    assert "0 of 40" in text
    assert "sealed-" not in text


def test_a_dev_experiment_has_a_table_by_failure_cluster(pages: TestClient, seeded: Store) -> None:
    """A row a cluster with a link to it; the held-out experiment has none."""
    held_out, dev = seeded.experiments.list()
    text = pages.get(f"/experiments/{dev.id}").text
    assert "by failure cluster" in text
    assert "/clusters/c1a55e5000000001" in text
    assert "1 of 40 runs unmeasured" in text
    assert "by failure cluster" not in pages.get(f"/experiments/{held_out.id}").text


def test_filters_choose_traces(pages: TestClient) -> None:
    """Status and failing metric narrow the list to the traces they name."""
    assert "6 traces fit," in pages.get("/traces?status=error").text
    assert "33 traces fit," in pages.get(f"/traces?agent={AGENT}&failing=correct_queue").text
    assert "27 traces fit," in pages.get(f"/traces?agent={AGENT}&passing=correct_queue").text
    assert "15 traces fit," in pages.get("/traces?heard=1").text
    assert "9 traces fit," in pages.get("/traces?user=user-1").text
    assert "60 traces," in pages.get("/traces?since=2026-03-13&until=2026-03-13").text
    assert "15 traces," in pages.get("/traces?cluster=c1a55e5000000001").text
    assert "No trace fits" in pages.get("/traces?environment=staging").text
    assert "No trace fits" in pages.get("/traces?prompt=5").text
    assert "No trace fits" in pages.get("/traces?text=nothing-says-this").text


def test_paging_shows_every_trace_once(pages: TestClient, seeded: Store) -> None:
    """The pages of a list together hold each trace exactly once."""
    shown: list[str] = []
    path: str | None = "/traces"
    while path:
        text = pages.get(path).text
        shown += [link.removeprefix("/traces/") for link in links(text) if link.startswith("/traces/")]
        older = re.search(r'rel="next" href="(\?[^"]+)"', text)
        path = f"/traces{older[1]}" if older else None
    assert seeded.traces.ids(TraceQuery()) == shown


@pytest.mark.parametrize(
    "query", ["before=x", "before=2026-03-13 x", "since=yesterday", "below=nan&failing=x", "below=much&failing=x"]
)
def test_a_senseless_address_is_a_400_with_a_reason(pages: TestClient, query: str) -> None:
    """Numbers that are none are refused in words, not with a crash."""
    answer = pages.get(f"/traces?{query}")
    assert 400 == answer.status_code
    assert "is not a" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/traces/unknown", "/clusters/unknown", "/experiments/unknown", "/proposals/unknown", "/pull-requests/77",
     "/nights/support-desk/1999-01-01", "/nowhere"],
)  # fmt: skip
def test_what_is_not_there_is_a_404_page(pages: TestClient, path: str) -> None:
    """An unknown id gives a page that says so, with status 404."""
    answer = pages.get(path)
    assert 404 == answer.status_code
    assert "<h1>" in answer.text


def test_a_trace_shows_conversation_tools_scores_and_steps(pages: TestClient) -> None:
    """The page of a trace holds what was said, which tools ran, and how it was scored."""
    text = pages.get(f"/traces/{trace_id(4)}").text
    for expected in (
        "You route messages.",
        "find_customer",
        "correct_queue",
        "should have been".capitalize(),
        "C-0004",
    ):
        assert expected in text


def test_a_remark_on_a_step_names_the_step(store: Store, tmp_path: Path) -> None:
    """A person's word on one span does not read as one on the whole trace."""
    from support.seeded import support_trace

    trace = support_trace(1)
    step = trace.spans[-1]
    store.traces.add([trace])
    said = {"key": "tone", "source": "human", "score": 0.0, "author": "phoenix/ana"}
    store.feedback.add([Feedback.model_validate({**said, "trace_id": trace.trace_id, "span_id": step.span_id})])
    text = client_of(store, tmp_path).get(f"/traces/{trace.trace_id}").text
    assert f'tone <span class="quiet">on {step.name}</span>' in text


def test_a_proposal_shows_diff_evidence_and_verdict(pages: TestClient, seeded: Store) -> None:
    """The page of a proposal shows added lines, its clusters, and the gate's reasons in full."""
    proposal = next(one for one in seeded.proposals.list() if one.title.startswith("Say what"))
    verdict = seeded.proposals.verdict(proposal.id)
    assert verdict is not None
    text = pages.get(f"/proposals/{proposal.id}").text
    assert '<tr class="added">' in text
    assert "Swallowed cards go to the wrong queue" in text
    for reason in verdict.reasons:
        assert reason in text


def test_held_out_examples_stay_sealed(pages: TestClient, seeded: Store) -> None:
    """A held-out experiment links to no trace of its runs and numbers its examples; one on dev links and names them."""
    held_out, dev = seeded.experiments.list()
    text = pages.get(f"/experiments/{held_out.id}").text
    assert [] == [link for link in links(text) if link.startswith("/traces/")]
    assert ("example-" in text, "#03" in text) == (False, True)
    assert "example-02" in pages.get(f"/experiments/{dev.id}").text
    assert "sealed" not in pages.get(f"/experiments/{dev.id}").text


def test_an_agents_own_threshold_decides_what_is_failing(seeded: Store, tmp_path: Path) -> None:
    """The filter's score comes from the agent's file where there is one."""
    config = AgentConfig.model_validate(
        {"name": AGENT, "repository": {"url": "x"}, "target": {}, "improve": {"metric": "no_error", "fail_below": 0.75}}
    )
    app = create_app(seeded, settings_for(tmp_path), {AGENT: config})
    text = TestClient(app, base_url="http://localhost").get(f"/traces?agent={AGENT}").text
    assert 'name="below" value="0.75"' in text


def test_a_number_that_two_agents_use_gives_a_choice(store: Store, tmp_path: Path) -> None:
    """/pull-requests/1 with two agents lists both; with ?agent= it shows one."""
    edits = (Edit(path="p", search="a", replace="b"),)
    for agent in ("one", "two"):
        proposal = Proposal(id=f"proposal-{agent}", agent=agent, night="", base_commit="c", title=f"title {agent}",
                            rationale="", edits=edits, created_at=START)  # fmt: skip
        store.proposals.add([proposal])
        store.pull_requests.save(
            PullRequest(id=f"pull-{agent}", agent=agent, proposal_id=proposal.id, forge="local", branch=f"b-{agent}",
                        base="main", commit="c", number=1, title=f"title {agent}", body="", created_at=START)
        )  # fmt: skip
    client = client_of(store, tmp_path)
    both = client.get("/pull-requests/1").text
    assert ["/pull-requests/pull-one", "/pull-requests/pull-two"] == sorted(
        link for link in links(both) if link.startswith("/pull-requests/")
    )
    assert "<h1>title two" in client.get("/pull-requests/1?agent=two").text


def test_lists_touch_no_payload(seeded: Store, pages: TestClient) -> None:
    """Previews of 200 characters are all a list shows of a trace."""
    text = pages.get("/traces").text
    assert "You route messages." not in text


def test_ids_with_slashes_and_quotes_have_pages(store: Store, tmp_path: Path) -> None:
    """An id is whatever its source says; its page is found all the same."""
    from support.seeded import support_trace

    odd = 'a/b "c" ?d#e'  # a percent sign is for the browser test: the test client decodes twice
    store.traces.add([support_trace(1).model_copy(update={"trace_id": odd, "spans": ()})])
    client = client_of(store, tmp_path)
    link = next(link for link in links(client.get("/traces").text) if link.startswith("/traces/"))
    assert f"/traces/{quote(odd, safe='')}" == link
    assert 200 == client.get(link).status_code
