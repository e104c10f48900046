"""Publishing against real git and a real store: once, whatever is killed in the middle."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.github import TOKEN, fake_github
from support.repositories import FILES, bare_remote, commit_files, git

from burnish.adapters.publishing.git import AgentRepository
from burnish.adapters.publishing.github import GitHubForge
from burnish.adapters.publishing.registry import open_forge, open_repository
from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.datasets import DATASET, Example, Split
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.gate import Comparison, Outcome, Verdict
from burnish.domain.proposals import Cluster, Edit, Proposal, ProposalStatus, PullRequestState
from burnish.domain.suite import Case, read_cases
from burnish.errors import ConfigError, InputError, PublishError
from burnish.loop.measure import BASELINE
from burnish.loop.publish import branch_of, publish, refresh, why_held
from burnish.project import AgentConfig
from burnish.settings import Settings

NIGHT = "desk/2026-03-01"


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing runs after it."""


class Shop:
    """A workshop in the small: the real store, repository and forge."""

    def __init__(self, folder: Path, store: Store, **repository: Any) -> None:
        self.remote = folder / "remote.git"
        self.settings = Settings(project=folder, home=folder / "home", _env_file=None)  # type: ignore[call-arg]
        self.config = AgentConfig.model_validate(
            {
                "name": "desk",
                "repository": {"url": "remote.git", **repository},
                "target": {"kind": "prompt", "prompt": "prompts/router.md"},
                "improve": {"metric": "exact_match"},
            }
        )
        self.store = store
        self.night = NIGHT
        self.repository = open_repository(self.config, self.settings)
        self.forge: Any = open_forge(self.config, store.pull_requests, self.settings)

    def proposal(self, word: str = "cards") -> Proposal:
        """An accepted proposal, stored with its verdict."""
        edits = (Edit(path="prompts/router.md", search="- atlas\n", replace=f"- atlas: {word}\n"),)
        made = Proposal(
            id=Proposal.id_for("desk", self.repository.base_commit, edits), agent="desk", night=NIGHT,
            base_commit=self.repository.base_commit, title=f"Say what atlas means: {word} @ada", rationale="Closes #1.",
            edits=edits, cluster_ids=("k1", "gone"), evidence_trace_ids=("trace-t1",), created_at=utc_now(),
        )  # fmt: skip
        self.store.proposals.add([made])
        self.store.proposals.add_verdict(self.verdict(made))
        return made

    def verdict(self, proposal: Proposal, outcome: Outcome = Outcome.ACCEPTED) -> Verdict:
        comparison = Comparison(
            metric="exact_match", pairs=40, baseline_mean=0.2, candidate_mean=0.8, effect=0.6, low=0.4, high=0.8,
            confidence=0.95, p_value=1e-6, test="exact McNemar", wins=24, losses=0, ties=16, fixed=("sealed-id",),
        )  # fmt: skip
        return Verdict(
            proposal_id=proposal.id, experiment_id="x", outcome=outcome, reasons=("It holds.",), level=0.01,
            comparison=comparison,
        )  # fmt: skip

    def publish(self, proposal: Proposal) -> Any:
        return publish(cast("Any", self), proposal, self.store.proposals.verdict(proposal.id))

    def branches(self) -> list[str]:
        return git(self.remote, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'burnish.sqlite3'}") as opened:
        splits = {"t1": Split.TRAIN, "t2": Split.TRAIN, "d1": Split.DEV, "d2": Split.DEV, "h1": Split.HELD_OUT}
        opened.datasets.add(
            "desk", DATASET,
            [
                (Example(id=i, input=f"message {i}", expected="atlas", trace_id=f"trace-{i}", group=i), split)
                for i, split in splits.items()
            ],
        )  # fmt: skip
        cluster = Cluster(
            id="k1", agent="desk", name="Cards go astray!", trace_ids=("trace-t1", "trace-h1"), size=2, night=NIGHT
        )
        opened.clusters.save("desk", NIGHT, [cluster])
        yield opened


@pytest.fixture
def shop(tmp_path: Path, store: Store) -> Iterator[Shop]:
    bare_remote(tmp_path)
    made = Shop(tmp_path, store)
    yield made
    made.repository.close()


def dev_runs(shop: Shop, proposal: Proposal) -> None:
    """On dev the candidate fixed d1 and left d2."""
    experiment = Experiment(
        id="dev", agent="desk", night=NIGHT, split=Split.DEV, arms=(BASELINE, proposal.id),
        versions={BASELINE: "a", proposal.id: "b"}, dataset_fingerprint="f", metric="exact_match", created_at=utc_now(),
    )  # fmt: skip
    shop.store.experiments.start(experiment)
    scores = {(BASELINE, "d1"): 0.0, (BASELINE, "d2"): 0.0, (proposal.id, "d1"): 1.0, (proposal.id, "d2"): 0.0}
    shop.store.experiments.add_runs(
        [
            Run(
                key=RunKey(experiment_id="dev", arm=arm, example_id=example), version_id="v", status=RunStatus.OK,
                scores={"exact_match": score},
            )
            for (arm, example), score in scores.items()
        ]
    )  # fmt: skip


def test_an_accepted_proposal_becomes_a_branch_and_a_pull_request(shop: Shop) -> None:
    """One commit on the measured base with the edit and the examples that must stay right."""
    proposal = shop.proposal()
    dev_runs(shop, proposal)
    published = shop.publish(proposal)
    request = published.pull_request
    assert (
        published.reason, request.number, request.url, request.state,
    ) == ("Opened.", 1, "/pull-requests/1", PullRequestState.OPEN)  # fmt: skip
    assert ["burnish/say-what-atlas-means-cards-ada-" + proposal.id[:8], "main"] == shop.branches()
    assert (
        git(shop.remote, "diff", "--name-only", proposal.base_commit, request.branch)
        == "evals/cards-go-astray.yaml\nprompts/router.md"
    )
    assert request.commit == git(shop.remote, "rev-parse", request.branch)
    assert ProposalStatus.PUBLISHED is shop.store.proposals.get(proposal.id).status
    assert request == shop.store.pull_requests.get("1")


def test_regression_examples_come_from_train_and_dev_alone(shop: Shop) -> None:
    """What dev fixed and the cluster's train examples; never a held-out message, in file, body or commit."""
    proposal = shop.proposal()
    dev_runs(shop, proposal)
    request = shop.publish(proposal).pull_request
    cases = cases_of(shop, request.branch)
    assert [(case.id, case.metadata["split"]) for case in cases] == [("d1", "dev"), ("t1", "train")]
    assert {(case.metadata["proposal"], case.metadata["cluster"]) for case in cases} == {
        (proposal.id, "Cards go astray!")
    }
    everything = git(shop.remote, "log", "-p", "-1", request.branch) + request.body
    assert "message h1" not in everything
    assert "sealed-id" not in everything  # an id is a hash of its input, which a guess would confirm
    assert "24 fixed, 0 broken" in request.body


def cases_of(shop: Shop, commit: str) -> tuple[Case, ...]:
    names = git(shop.remote, "ls-tree", "-r", "--name-only", commit, "evals/").splitlines()
    return read_cases({name: git(shop.remote, "show", f"{commit}:{name}") for name in names})


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("evals/cards-go-astray.yaml", "# ours\n- id: t1\n  input: by hand\n"),
        ("evals/cards-go-astray.yaml", "# none yet\n[]\n"),
        ("evals/more/by-hand.jsonl", '{"id": "t1", "input": "by hand", "split": "train"}\n'),
    ],
)
def test_cases_are_accepted_once(tmp_path: Path, store: Store, path: str, there: str) -> None:
    """A case that any file of the suite holds is not added again, and what people wrote stays."""
    bare_remote(tmp_path)
    commit_files(tmp_path / "ada", {path: there}, "Evals")
    shop = Shop(tmp_path, store)
    proposal = shop.proposal()
    dev_runs(shop, proposal)
    request = shop.publish(proposal).pull_request
    kept = {case.id: case for case in cases_of(shop, request.branch)}
    assert {"d1", "t1"} == set(kept)
    assert ("by hand" in there) == (kept["t1"].input == "by hand")
    assert f"gains {1 if 'by hand' in there else 2} examples" in request.body
    shop.repository.close()


def test_nothing_is_put_behind_a_list_that_cannot_be_read(tmp_path: Path, store: Store) -> None:
    """The broken file stays as it is for a person to mend; the cases get a file of their own."""
    bare_remote(tmp_path)
    commit_files(tmp_path / "ada", {"evals/cards-go-astray.yaml": "- id: [\n"}, "Evals")
    shop = Shop(tmp_path, store)
    request = shop.publish(shop.proposal()).pull_request
    assert "- id: [" == git(shop.remote, "show", f"{request.branch}:evals/cards-go-astray.yaml")
    text = git(shop.remote, "show", f"{request.branch}:evals/cards-go-astray-2.yaml")
    assert ["t1"] == [case.id for case in read_cases({"a.yaml": text})]
    shop.repository.close()


def test_text_of_users_in_titles_notifies_nobody(shop: Shop) -> None:
    """Neither the title nor the commit message mentions a person or closes an issue."""
    request = shop.publish(shop.proposal()).pull_request
    message = git(shop.remote, "log", "-1", "--format=%B", request.branch)
    assert ("@ada" in request.title + message, "Closes #1" in message) == (False, False)


def test_publishing_twice_opens_one(shop: Shop) -> None:
    """The second time finds it."""
    proposal = shop.proposal()
    first = shop.publish(proposal)
    second = shop.publish(proposal)
    assert (first.pull_request, "It was there already, open.") == (second.pull_request, second.reason)
    assert len(shop.store.pull_requests.list("desk")) == 1


@pytest.mark.parametrize("step", ["commit", "push", "open", "save"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_in_the_middle_leaves_one_pull_request(tmp_path: Path, store: Store, step: str, when: str) -> None:
    """Killed before or after any step and started again: one branch, one commit, one pull request on GitHub."""
    bare_remote(tmp_path)
    with fake_github(tmp_path / "remote.git") as fake:
        shop = Shop(tmp_path, store)
        forge = GitHubForge("acme/desk", TOKEN, api_url=fake.url, seconds_between_writes=0, retries=0)
        shop.forge = forge
        proposal = shop.proposal()
        owner: Any = {"commit": shop.repository, "push": shop.repository, "open": forge, "save": None}[step]
        if owner is None:
            killing = Killing(store.pull_requests, step, when)
            shop.store = cast("Store", SimpleNamespace(**{n: getattr(store, n) for n in (
                "proposals", "datasets", "clusters", "experiments", "calls")}, pull_requests=killing))  # fmt: skip
        elif owner is forge:
            shop.forge = Killing(forge, step, when)
        else:
            shop.repository = cast("AgentRepository", Killing(shop.repository, step, when))
        with pytest.raises(Killed):
            shop.publish(proposal)
        again = Shop(tmp_path, store)
        again.forge = forge
        request = again.publish(proposal).pull_request
        assert list(fake.pulls) == [1]
        assert ([branch_of(proposal), "main"], 1) == (again.branches(), len(store.pull_requests.list("desk")))
        assert request.commit == git(again.remote, "rev-parse", request.branch)
        assert [label["name"] for label in fake.pulls[1]["labels"]] == ["burnish"]
        forge.close()
        again.repository.close()


def test_a_pull_request_left_without_labels_gets_them(tmp_path: Path, store: Store) -> None:
    """GitHub failed between opening and labelling: the next start finds the pull request and labels it."""
    bare_remote(tmp_path)
    with fake_github(tmp_path / "remote.git") as fake:
        shop = Shop(tmp_path, store)
        shop.forge = GitHubForge("acme/desk", TOKEN, api_url=fake.url, seconds_between_writes=0, retries=0)
        proposal = shop.proposal()
        fake.failing = {"/labels"}
        with pytest.raises(PublishError, match="500"):
            shop.publish(proposal)
        fake.failing = set()
        shop.publish(proposal)
        assert [[label["name"] for label in pull["labels"]] for pull in fake.pulls.values()] == [["burnish"]]
        shop.forge.close()
        shop.repository.close()


def test_a_pull_request_that_a_person_closed_before_it_was_recorded_stays_closed(tmp_path: Path, store: Store) -> None:
    """Killed before the record, closed on the forge: the next start records it and opens no other."""
    bare_remote(tmp_path)
    with fake_github(tmp_path / "remote.git") as fake:
        shop = Shop(tmp_path, store)
        forge = GitHubForge("acme/desk", TOKEN, api_url=fake.url, seconds_between_writes=0, retries=0)
        shop.forge = Killing(forge, "open", "after")
        proposal = shop.proposal()
        with pytest.raises(Killed):
            shop.publish(proposal)
        fake.close(1, merged=False)
        shop.forge = forge
        published = shop.publish(proposal)
        assert published.reason == "The forge had it already, closed."
        assert (list(fake.pulls), published.pull_request.state) == ([1], PullRequestState.CLOSED)
        forge.close()
        shop.repository.close()


class Killing:
    """Passes everything on, and dies at one method."""

    def __init__(self, inner: Any, method: str, when: str) -> None:
        self._inner, self._method, self._when = inner, method, when

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._method:
            return found

        def die(*arguments: Any) -> None:
            if self._when == "after":
                found(*arguments)
            raise Killed

        return die


def test_no_more_than_the_limit_are_open_at_once(shop: Shop) -> None:
    """The reason is a value that names the open one; once that is merged, the next opens."""
    first = shop.publish(shop.proposal("cards")).pull_request
    second = shop.proposal("loans")
    held = shop.publish(second)
    assert (held.pull_request, first.url in held.reason) == (None, True)
    assert ProposalStatus.PUBLISHED is not shop.store.proposals.get(second.id).status
    git(shop.remote, "update-ref", "refs/heads/main", first.commit)
    assert shop.publish(second).reason == "Opened."
    assert [r.state for r in shop.store.pull_requests.list("desk")] == [PullRequestState.OPEN, PullRequestState.MERGED]


def test_what_another_forge_holds_does_not_block(shop: Shop) -> None:
    """Nobody asks the former forge how its pull requests stand, so they do not count against the limit for ever."""
    request = shop.publish(shop.proposal("cards")).pull_request
    shop.store.pull_requests.save(request.model_copy(update={"forge": "github"}))
    second = shop.proposal("loans")
    assert "" == why_held(cast("Any", shop), second)
    assert shop.publish(second).reason == "Opened."
    third = shop.proposal("cars")
    assert "1 of at most 1 pull requests" in why_held(cast("Any", shop), third)
    assert "" == why_held(cast("Any", shop), second)


def test_a_branch_that_a_person_deleted_closes_the_pull_request(shop: Shop) -> None:
    """And it is not opened again: a person has said no."""
    proposal = shop.proposal()
    request = shop.publish(proposal).pull_request
    git(shop.remote, "update-ref", "-d", f"refs/heads/{request.branch}")
    assert [item.state for item in refresh(cast("Any", shop))] == [PullRequestState.CLOSED]
    assert shop.publish(proposal).reason == "It was there already, closed."
    assert shop.branches() == ["main"]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.INCONCLUSIVE, None])
def test_nothing_is_published_without_the_gates_yes(shop: Shop, outcome: Outcome | None) -> None:
    """No verdict is no yes."""
    proposal = shop.proposal()
    verdict = shop.verdict(proposal, outcome) if outcome is not None else None
    with pytest.raises(InputError, match="no accepted verdict"):
        publish(cast("Any", shop), proposal, verdict)
    assert shop.branches() == ["main"]


def test_a_base_that_moved_on_does_not_change_what_was_measured(shop: Shop, tmp_path: Path) -> None:
    """The branch starts at the measured commit; git merges the rest."""
    proposal = shop.proposal()
    commit_files(tmp_path / "ada", {"prompts/router.md": "rewritten\n"}, "Meanwhile")
    again = Shop(tmp_path, shop.store)
    request = again.publish(proposal).pull_request
    assert proposal.base_commit == git(shop.remote, "rev-parse", f"{request.branch}^")
    assert FILES["prompts/router.md"].replace("- atlas", "- atlas: cards") == (
        git(shop.remote, "show", f"{request.branch}:prompts/router.md") + "\n"
    )
    again.repository.close()


def test_examples_stay_out_of_the_repository_where_the_file_says_so(tmp_path: Path, store: Store) -> None:
    """An empty evals_dir keeps messages of users out."""
    bare_remote(tmp_path)
    shop = Shop(tmp_path, store, evals_dir="")
    proposal = shop.proposal()
    request = shop.publish(proposal).pull_request
    assert git(shop.remote, "diff", "--name-only", proposal.base_commit, request.branch) == "prompts/router.md"
    shop.repository.close()


def test_a_remote_that_is_away_leaves_the_proposal_as_it_is(shop: Shop) -> None:
    """It can be published later."""
    proposal = shop.proposal()
    shop.remote.rename(shop.remote.with_name("away"))
    with pytest.raises(PublishError):
        shop.publish(proposal)
    shop.remote.with_name("away").rename(shop.remote)
    assert shop.publish(proposal).reason == "Opened."


def test_github_needs_a_repository_and_a_token(tmp_path: Path, store: Store) -> None:
    """Said before anything is sent."""
    bare_remote(tmp_path)
    with pytest.raises(ConfigError, match="owner/name"):
        Shop(tmp_path, store, forge="github")
    with pytest.raises(ConfigError, match="BURNISH_GITHUB_TOKEN"):
        Shop(tmp_path, store, forge="github", repository="acme/desk")
