import pytest

from burnish.adapters.store import Store
from burnish.adapters.store.sealed import HeldOut
from burnish.domain.datasets import Dataset, Example, Split, SplitRule, fingerprint
from burnish.domain.proposals import Cluster
from burnish.errors import InputError, NotFoundError


def example(name: str, group: str = "", **fields: object) -> Example:
    return Example(id=name, input={"q": name}, group=group or name, **fields)  # type: ignore[arg-type]


def cluster(name: str, size: int, night: str, agent: str = "a") -> Cluster:
    return Cluster(
        id=name,
        agent=agent,
        name=f"Cluster {name}",
        trace_ids=("t1", "t2"),
        size=size,
        centroid=(0.1, -2.5),
        night=night,
    )


def test_examples_come_back_by_split_in_the_order_they_came(store: Store) -> None:
    """Train and dev are lists; the dataset tells counts and a fingerprint."""
    first = [(example("z", criteria=("be kind",)), Split.TRAIN), (example("a", expected=[1]), Split.TRAIN)]
    second = [
        (example("m", metadata={"k": None}), Split.TRAIN),
        (example("d"), Split.DEV),
        (example("h"), Split.HELD_OUT),
    ]
    store.datasets.add("agent", "failures", first)
    made = store.datasets.add("agent", "failures", second)
    assert [one for one, _ in first] + [second[0][0]] == store.datasets.examples("agent", "failures", Split.TRAIN)
    assert [second[1][0]] == store.datasets.examples("agent", "failures", Split.DEV)
    assert (
        Dataset(
            id=made.id,
            agent="agent",
            name="failures",
            fingerprint=fingerprint(one for one, _ in first + second),
            counts={Split.TRAIN: 3, Split.DEV: 1, Split.HELD_OUT: 1},
            version=2,
        )
        == made
        == store.datasets.get("agent", "failures")
    )


def test_the_held_out_split_is_sealed(store: Store) -> None:
    """Held-out examples are read by one object of their own, which does not print them."""
    hidden = example("hidden-text")
    store.datasets.add("agent", "failures", [(hidden, Split.HELD_OUT), (example("seen"), Split.TRAIN)])
    with pytest.raises(InputError, match="held-out split is sealed"):
        store.datasets.examples("agent", "failures", Split.HELD_OUT)  # type: ignore[arg-type]
    sealed = HeldOut(store, "agent", "failures")
    assert "hidden-text" not in repr(sealed)
    assert (hidden,) == sealed.examples()


def test_an_example_keeps_its_split_and_group(store: Store) -> None:
    """What is expected may be corrected later; where an example belongs may not."""
    store.datasets.add("agent", "d", [(example("x", "g1", trace_id="t1"), Split.HELD_OUT)])
    before = store.datasets.get("agent", "d").fingerprint
    newer = example("x", "g2", trace_id="t2", expected="better", criteria=("c",), metadata={"m": 1})
    after = store.datasets.add("agent", "d", [(newer, Split.TRAIN)])
    assert after.counts == {Split.TRAIN: 0, Split.DEV: 0, Split.HELD_OUT: 1}
    assert (newer.model_copy(update={"group": "g1", "trace_id": "t1"}),) == HeldOut(store, "agent", "d").examples()
    assert before != after.fingerprint
    assert (
        store.datasets.groups("agent", "d"),
        store.datasets.assigned("agent", "d"),
    ) == ({"g1": Split.HELD_OUT}, {"x": "g1"})


def test_every_change_is_a_version_with_its_diff(store: Store) -> None:
    """What came, what says something else now, and what was retired; adding the same again is no version."""
    assert store.datasets.versions("agent", "d") == []
    first = store.datasets.add("agent", "d", [(example("a"), Split.TRAIN), (example("h"), Split.HELD_OUT)])
    store.datasets.add("agent", "d", [(example("a"), Split.TRAIN)])
    changed = [(example("a", expected=1), Split.TRAIN), (example("b"), Split.DEV), (example("i"), Split.HELD_OUT)]
    second = store.datasets.add("agent", "d", changed)
    assert 1 == store.datasets.retire("agent", "d", ["a"], "wrong")
    newest, middle, oldest = store.datasets.versions("agent", "d")
    assert [(1, first.fingerprint), (2, second.fingerprint)] == [(v.number, v.fingerprint) for v in (oldest, middle)]
    assert {Split.TRAIN: 0, Split.DEV: 1, Split.HELD_OUT: 2} == newest.counts == store.datasets.get("agent", "d").counts
    assert (("a",), ("b",)) == (middle.diff[Split.TRAIN].ids.changed, middle.diff[Split.DEV].ids.added)
    assert 1 == newest.diff[Split.TRAIN].retired
    whole = store.datasets.diff("agent", "d", 0).splits
    assert {Split.TRAIN: 0, Split.DEV: 1, Split.HELD_OUT: 2} == {split: part.added for split, part in whole.items()}
    assert ("a",) == store.datasets.diff("agent", "d", 1).splits[Split.TRAIN].ids.retired


def test_versions_tell_no_id_of_a_held_out_example(store: Store) -> None:
    """Of the sealed split counts alone: an id is a hash of the input, so whoever has a text could look it up."""
    store.datasets.add("agent", "d", [(example("secret"), Split.HELD_OUT), (example("seen"), Split.TRAIN)])
    store.datasets.retire("agent", "d", ["secret"], "wrong")
    told = "".join(
        [v.model_dump_json() for v in store.datasets.versions("agent", "d")]
        + [store.datasets.diff("agent", "d", since).model_dump_json() for since in (0, 1)]
    )
    assert ("secret" in told, "seen" in told) == (False, True)


def test_versions_that_are_not_there_are_explained(store: Store) -> None:
    """The error says which there are."""
    store.datasets.add("agent", "d", [(example("a"), Split.TRAIN)])
    with pytest.raises(NotFoundError, match="has no version 7; versions kept: 1 to 1"):
        store.datasets.diff("agent", "d", 0, 7)
    with pytest.raises(InputError, match="versions go forwards"):
        store.datasets.diff("agent", "d", 1, 0)


def test_a_dataset_older_than_versions_begins_with_what_it_held(store: Store) -> None:
    """Its first change is version 2; version 1 is the state before it."""
    store.datasets.add("agent", "d", [(example("a"), Split.TRAIN)])
    with store.datasets._database.write("datasets") as connection:
        connection.exec_driver_sql("DELETE FROM dataset_versions")
    store.datasets.add("agent", "d", [(example("b"), Split.TRAIN)])
    assert [("b",), ("a",)] == [v.diff[Split.TRAIN].ids.added for v in store.datasets.versions("agent", "d")]
    assert 2 == store.datasets.diff("agent", "d", 0).splits[Split.TRAIN].added


def test_a_retired_example_keeps_its_place_and_does_not_come_back(store: Store) -> None:
    """It is in no split's list any more; offered again it stays retired, and its look-alike stays in its split."""
    text = "where is the parcel that I ordered two weeks ago"
    kept = Example(id="x", input=text, group="g")
    store.datasets.add("agent", "d", [(kept, Split.HELD_OUT)])
    assert (1, 0) == tuple(store.datasets.retire("agent", "d", ["x"], "wrong") for _ in range(2))
    placement = store.datasets.place("agent", "d", [kept, Example(id="y", input=f"{text}!")], SplitRule())
    assert (1, 0) == (placement.added, placement.left_out)
    assert ["y"] == [e.id for e in HeldOut(store, "agent", "d").examples()]
    with pytest.raises(NotFoundError, match="has no example nope"):
        store.datasets.retire("agent", "d", ["nope"], "")


def test_uses_count_once_a_night_and_the_least_used_come_first(store: Store) -> None:
    """A night that is started again counts nothing twice, and the next measurement takes the others."""
    store.datasets.add("agent", "d", [(example(f"h{n}"), Split.HELD_OUT) for n in range(6)])
    held_out = HeldOut(store, "agent", "d")
    first = held_out.least_used(4)
    for ids in (first[:2], first[2:], first):
        held_out.use("agent/2026-01-01", ids)
    store.datasets.add("agent", "d", [(example(f"new{n}"), Split.HELD_OUT) for n in range(4)])
    assert {0: 6, 1: 4} == store.datasets.wear("agent", "d", SplitRule()).uses
    assert first == [e.id for e in held_out.read(first)]
    second = held_out.least_used(6)
    assert set() == set(first) & set(second)
    third = held_out.least_used(50)
    assert (10, 10, first) == (len(third), len(set(third)), third[6:])
    held_out.use("agent/2026-01-02", second)
    held_out.use("agent/2026-01-03", third)
    wear = store.datasets.wear("agent", "d", SplitRule(worn_after=1))
    assert (10, 10, 2.0, {2: 10}) == (wear.examples, wear.worn, wear.median, wear.uses)


def test_worn_examples_can_be_retired_together(store: Store) -> None:
    """Those over the number of nights go; the others stay."""
    store.datasets.add("agent", "d", [(example(f"h{n}"), Split.HELD_OUT) for n in range(3)])
    held_out = HeldOut(store, "agent", "d")
    for night in ("n1", "n2"):
        held_out.use(night, held_out.least_used(3))
    store.datasets.add("agent", "d", [(example("new"), Split.HELD_OUT)])
    assert 3 == store.datasets.retire_worn("agent", "d", SplitRule(worn_after=1))
    assert ["new"] == [e.id for e in held_out.examples()]
    assert {0: 1} == store.datasets.wear("agent", "d", SplitRule(worn_after=1)).uses


def test_datasets_are_the_agents_own(store: Store) -> None:
    """The same name under two agents is two datasets; a wrong name is answered with the right ones."""
    store.datasets.add("a", "d", [(example("x"), Split.TRAIN)])
    store.datasets.add("b", "d", [(example("x"), Split.DEV)])
    assert [(one.agent, one.name) for one in store.datasets.list()] == [("a", "d"), ("b", "d")]
    assert [one.agent for one in store.datasets.list("b")] == ["b"]
    assert (
        store.datasets.groups("c", "d"),
        store.datasets.assigned("c", "d"),
        store.datasets.examples("c", "d", Split.TRAIN),
    ) == ({}, {}, [])
    with pytest.raises(NotFoundError, match="no dataset 'e' of agent 'a'; it has: d"):
        store.datasets.get("a", "e")


def test_clusters_are_replaced_within_a_night(store: Store) -> None:
    """Clustering a night again leaves one set; the newest night is shown, largest first."""
    store.clusters.save("a", "a/2026-01-30", [cluster("old", 3, "a/2026-01-30")])
    store.clusters.save("a", "a/2026-01-31", [cluster("gone", 9, "a/2026-01-31")])
    new = [cluster("small", 4, "a/2026-01-31"), cluster("large", 8, "a/2026-01-31")]
    store.clusters.save("a", "a/2026-01-31", new)
    other = cluster("other", 5, "b/2026-01-01", agent="b")
    store.clusters.save("b", "b/2026-01-01", [other])
    assert [new[1], other, new[0]] == store.clusters.list()
    assert [new[1], new[0]] == store.clusters.list("a")
    assert [one.id for one in store.clusters.list("a", "a/2026-01-30")] == ["old"]


def test_a_night_without_clusters_is_the_newest_too(store: Store) -> None:
    """Once nothing fails, yesterday's clusters are no longer shown, but their identity is kept for tomorrow."""
    known = cluster("known", 3, "a/2026-01-30")
    store.clusters.save("a", "a/2026-01-30", [known])
    store.clusters.save("a", "a/2026-01-31", [])
    assert store.clusters.list("a") == []
    assert [known] == store.clusters.previous("a", "a/2026-02-01")
    assert store.clusters.previous("a", "a/2026-01-30") == []


def test_a_cluster_is_found_in_its_newest_form(store: Store) -> None:
    """The same cluster of several nights is one id."""
    store.clusters.save("a", "a/2026-01-30", [cluster("0123456789", 3, "a/2026-01-30")])
    store.clusters.save("a", "a/2026-01-31", [cluster("0123456789", 7, "a/2026-01-31")])
    assert 7 == store.clusters.get("0123456789").size == store.clusters.get("012345").size
    with pytest.raises(NotFoundError, match="no cluster 'ffffff'"):
        store.clusters.get("ffffff")
