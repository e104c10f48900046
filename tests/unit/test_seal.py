"""The seal: what curating, discovering and proposing are handed gives nothing away of what is held out."""

import ast
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from support.databases import sqlite_url
from support.store_samples import START, judged, span, trace

from burnish.adapters.store import OpenStore, Store
from burnish.adapters.store.sealed import HeldOut
from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.experiments import Experiment, Run, RunKey, RunStatus
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.gate import Outcome, Verdict
from burnish.domain.listing import TraceQuery
from burnish.domain.proposals import Cluster, Edit, Proposal, ProposalStatus
from burnish.errors import BurnishError

ROOT = Path(__file__).parents[2]
CANARY = "sealedsecret"
NIGHT = "support/2026-02-01"
BLIND = (
    "src/burnish/loop/curate.py",
    "src/burnish/loop/discover.py",
    "src/burnish/loop/propose.py",
    "src/burnish/domain/proposing",
    "src/burnish/domain/clustering",
)
RULE = SplitRule(group_by=("user", "text"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Held-out examples, all that hangs on them says CANARY; and beside each a train example that may be seen."""
    with Store.open(sqlite_url(tmp_path)) as opened:
        examples = []
        for number, (split, word) in enumerate(((Split.HELD_OUT, CANARY), (Split.TRAIN, "open"), (Split.DEV, "open"))):
            text = f"{word} question {number} on {split.value}"
            behind = trace(f"behind-{number}", input=text, output=f"{word} answer", user_id=f"{word}-user-{number}")
            examples.append((Example.of_trace(behind, "correction", f"{word} truth", (f"{word} criterion",)), split))
            again = trace(f"again-{number}", input=text, output=f"{word} answer")
            offline = trace(
                f"offline-{number}",
                span(f"offline-{number}", "root", input=text, output=f"{word} run"),
                source="experiment",
                input=f"{word} as the agent was called",
                output=f"{word} run",
            )
            opened.traces.add([behind, again, offline])
            for one in (behind, again, offline):
                said = {"source": FeedbackSource.HUMAN, "comment": f"{word} remark", "correction": f"{word} truth"}
                opened.feedback.add(
                    [
                        Feedback(trace_id=one.trace_id, key="review", author="ann", created_at=START, **said),
                        judged(one.trace_id, 0.0, comment=f"{word} reason of the judge"),
                    ]
                )
        opened.datasets.add("support", "main", [(e.model_copy(update={"group": e.id}), split) for e, split in examples])
        opened.clusters.save("support", NIGHT, [_cluster()])
        _measured(opened, examples[0][0])
        yield opened


def _cluster() -> Cluster:
    members = tuple(f"{kind}-{number}" for kind in ("behind", "again", "offline") for number in range(3))
    return Cluster(id="c" * 16, agent="support", name="a", trace_ids=members, size=len(members), night=NIGHT)


def _measured(store: Store, example: Example) -> None:
    edits = (Edit(path="p.md", search="x", replace="y"),)
    proposal = Proposal(
        id="p" * 16, agent="support", night=NIGHT, base_commit="c", title="A diff", rationale="", edits=edits,
        created_at=START,
    )  # fmt: skip
    store.proposals.add([proposal])
    experiment = Experiment(
        id="e" * 16, agent="support", night=NIGHT, split=Split.HELD_OUT, arms=("baseline", proposal.id), versions={},
        dataset_fingerprint="f", metric="helpful", created_at=START,
    )  # fmt: skip
    store.experiments.start(experiment)
    key = RunKey(experiment_id=experiment.id, arm="baseline", example_id=example.id)
    run = Run(key=key, version_id="v", status=RunStatus.OK, output=f"{CANARY} output", error=f"{CANARY} error")
    store.experiments.add_runs([run])
    store.proposals.add_verdict(
        Verdict(
            proposal_id=proposal.id, experiment_id=experiment.id, outcome=Outcome.REFUSED, level=0.01,
            reasons=(f"{CANARY} reason",),
        )
    )  # fmt: skip
    store.proposals.set_status(proposal.id, ProposalStatus.REFUSED, f"{CANARY} verdict")


def surface(thing: object) -> dict[str, Any]:
    """Everything that can be reached without a private name."""
    return {name: getattr(thing, name) for name in dir(thing) if not name.startswith("_")}


def arguments(store: Store) -> dict[str, list[Any]]:
    """What a curious caller would hand in, by the name of a parameter."""
    traces = store.traces.ids(TraceQuery(origin="any"))
    loaded = list(store.traces.load(traces))
    examples = list(HeldOut(store, "support", "main").examples())
    asked: tuple[dict[str, Any], ...] = ({}, {"text": CANARY}, {"visible": True}, {"below": ("helpful", 1.0)})
    queries = [TraceQuery(origin=origin, **more) for origin in ("production", "experiment", "any") for more in asked]
    return {
        "agent": ["support"],
        "name": ["main"],
        "night": [NIGHT, "support/2026-02-02"],
        "split": list(Split),
        "query": queries,
        "trace_ids": [traces, [e.id for e in examples], ["c" * 16, "e" * 16]],
        "traces": [loaded],
        "rule": [RULE, SplitRule()],
        "shown": [()],
        "examples": [[], [examples[0].model_copy(update={"expected": "another", "criteria": ()})]],
        "items": [[]],
        "clusters": [[_cluster()]],
    }


def answers(method: Callable[..., Any], known: dict[str, list[Any]]) -> Iterable[str]:
    names = list(inspect.signature(method).parameters)
    for values in itertools.product(*(known[name] for name in names)):
        try:
            yield told(method(**dict(zip(names, values, strict=True))))
        except BurnishError as error:
            yield str(error)


def told(value: Any) -> str:
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if isinstance(value, dict):
        return " ".join(f"{told(key)} {told(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple, set)) or inspect.isgenerator(value):
        return " ".join(told(item) for item in value)
    return repr(value)


def test_no_question_to_the_open_store_is_answered_with_anything_held_out(store: Store) -> None:
    """Every method of every part, asked with every id there is: no input, answer, remark, run, reason or outcome."""
    known = arguments(store)
    heard: list[str] = []
    methods = 0
    for part in surface(OpenStore(store)).values():
        assert type(part).__name__.startswith("Open")  # nothing else is within reach
        for method in surface(part).values():
            assert callable(method)
            methods += 1
            heard += answers(method, known)
    text = "\n".join(heard)
    assert methods >= 15
    assert CANARY not in text
    assert ProposalStatus.REFUSED.value not in text
    # The other way round, so that a test that asks the wrong questions fails.
    for seen in ("open question", "open answer", "open truth", "open remark", "open reason of the judge", "A diff"):
        assert seen in text


def test_look_alikes_of_held_out_examples_are_named_and_not_shown(store: Store) -> None:
    """A trace with the same input, nearly the same text or the same user is hidden; the answer is its id alone."""
    asked = f"{CANARY} question 0 on held_out"
    strangers = [
        trace("same", input=asked),
        trace("alike", input=f"{asked}!!"),
        trace("user", input="something else", user_id=f"{CANARY}-user-0"),
        trace("other", input="something else"),
    ]
    assert {"same", "alike", "user"} == OpenStore(store).datasets.hidden("support", "main", strangers, RULE)


def test_a_newer_correction_reaches_a_held_out_example_unseen(store: Store) -> None:
    """Curation hears that there was one; the gate reads what it says."""
    correction = Feedback(
        trace_id="again-0", key="review", source=FeedbackSource.HUMAN, author="zoe", correction="newer truth"
    )
    store.feedback.add([correction])
    view = OpenStore(store)
    assert (1, 0) == (view.datasets.refresh_sealed("support", "main"), view.datasets.refresh_sealed("support", "main"))
    (example,) = HeldOut(store, "support", "main").examples()
    assert ("newer truth", ()) == (example.expected, example.criteria)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("src/burnish", "tasks", "flows"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_gates_measurement_imports_the_reader_of_held_out_examples() -> None:
    """Whoever else wants held-out examples has to change this line, where a reviewer sees it."""
    users = {
        name
        for name, tree in sources()
        if any("burnish.adapters.store.sealed" in one for one in imported(tree))
        or any(isinstance(node, ast.Constant) and "store.sealed" in str(node.value) for node in ast.walk(tree))
    }
    assert {"src/burnish/loop/measure.py"} == users


def test_blind_modules_see_the_open_store_and_reach_into_nothing() -> None:
    """Curating, discovering and proposing name no other part of the store and touch no private name of an object."""
    seen = 0
    for name, tree in sources():
        if not name.startswith(BLIND):
            continue
        seen += 1
        allowed = {"burnish.adapters.store", "burnish.adapters.store.OpenStore"}
        assert {one for one in imported(tree) if "adapters.store" in one} <= allowed, name
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and node.attr.startswith("_")
                and node.attr
                not in (
                    "__file__",
                    "__name__",
                )
            ):
                assert ast.unparse(node.value) in ("self", "cls"), f"{name}:{node.lineno}"
            if isinstance(node, ast.Name):
                assert node.id not in ("getattr", "vars"), f"{name}:{node.lineno}"
    assert seen > 10


def test_the_stages_hand_the_open_store_to_blind_steps() -> None:
    """In `loop.night` no blind step is called with the whole store or the workshop."""
    tree = dict(sources())["src/burnish/loop/night.py"]
    calls = {
        node.func.id: ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
    }
    assigned = {
        ast.unparse(target): value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)
        for target, value in zip(node.targets[0].elts, map(ast.unparse, node.value.elts), strict=True)
    }
    for step in ("curate", "discover", "propose"):
        handed = calls[step]
        assert "workshop.open_store" == assigned.get(handed, handed)
