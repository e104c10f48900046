import pytest

from burnish.adapters.store import Store
from burnish.adapters.store.sealed import HeldOut
from burnish.domain.datasets import Dataset, Example, Split, fingerprint
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
