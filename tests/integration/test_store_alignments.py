"""Measurements of judges, kept as they were made."""

from datetime import timedelta
from typing import Any

from support.store_samples import START

from burnish.adapters.store import Store
from burnish.domain.agreement import Agreement, AlignmentState
from burnish.domain.alignment.measurement import Alignment


def measured(day: int, version: str = "v1", state: str = "aligned", **fields: Any) -> Alignment:
    """A measurement of "helpful" so many days after the start."""
    given = {"agent": "support", "judge": "helpful", "held_out": Agreement(items=40, kappa=0.8), "reason": "So it is."}
    return Alignment(
        version=version,
        measured_at=START + timedelta(days=day),
        state=AlignmentState(state),
        **(given | fields),
    )


def test_a_measurement_comes_back_as_it_was_made(store: Store) -> None:
    """With what the version was fitted to, sorted, and the newest first."""
    first, second = measured(0, model="a"), measured(1, "v2", "stale", fitted_on=("t1", "t2"))
    other = measured(0, judge="kind")
    for item in (first, other, second):
        store.alignments.add(item)
    assert [second, first, other] == store.alignments.list("support")
    assert [second, first] == store.alignments.list("support", "helpful")
    assert [second] == store.alignments.list("support", "helpful", limit=1)
    assert [] == store.alignments.list("another")


def test_the_newest_is_asked_for_by_version_and_by_state(store: Store) -> None:
    """The last measurement, the last of a version, the last that found the judge aligned."""
    items = [measured(0), measured(1, "v1", "stale"), measured(2, "v2", "unaligned")]
    for item in items:
        store.alignments.add(item)
    assert items[2] == store.alignments.latest("support", "helpful")
    assert items[1] == store.alignments.latest("support", "helpful", version="v1")
    assert items[0] == store.alignments.latest("support", "helpful", state=AlignmentState.ALIGNED)
    assert store.alignments.latest("support", "helpful", version="v3") is None


def test_measuring_the_same_moment_again_replaces_it(store: Store) -> None:
    """A night that is run again leaves one row, and forgets nothing that the version was fitted to."""
    store.alignments.add(measured(0, fitted_on=("t1",)))
    store.alignments.add(measured(0, state="stale", fitted_on=("t2",)))
    assert [measured(0, state="stale", fitted_on=("t1", "t2"))] == store.alignments.list("support")


def test_a_version_inherits_what_the_versions_before_it_were_fitted_to(store: Store) -> None:
    """Not the other way round; a version that nobody measured may have been made from all of it."""
    for item in (measured(0), measured(1, "v2", fitted_on=("t1",)), measured(2, "v3", fitted_on=("t2",))):
        store.alignments.add(item)
    store.alignments.add(measured(3, judge="kind", fitted_on=("t9",)))
    store.alignments.add(measured(4))
    found = {version: store.alignments.fitted_on("support", "helpful", version) for version in ("v1", "v2", "v3", "v4")}
    assert {"v1": set(), "v2": {"t1"}, "v3": {"t1", "t2"}, "v4": {"t1", "t2"}} == found


def test_nights_that_find_the_same_leave_two_rows(store: Store) -> None:
    """The first and the newest of a stretch stay, whatever words count the days; what changes is a row."""
    store.alignments.add(measured(0, judge="kind"))
    nights = [measured(day, reason=f"{day} days old.") for day in range(5)]
    changed = [measured(day, held_out=Agreement(items=41, kappa=0.8)) for day in (5, 6)]
    edited = [measured(day, "v2") for day in (7, 8, 9)]
    back = [measured(day) for day in (10, 11, 12)]
    for item in (*nights, *changed, *edited, *back):
        store.alignments.add(item)
    kept = [nights[0], nights[4], *changed, edited[0], edited[2], back[0], back[2]]
    assert kept[::-1] == store.alignments.list("support", "helpful")
    assert 1 == len(store.alignments.list("support", "kind"))


def test_dropping_what_is_the_same_keeps_the_order_of_versions(store: Store) -> None:
    """A version still begins where it was first measured, so it is not taken to be made from later labels."""
    for day in range(4):
        store.alignments.add(measured(day))
    store.alignments.add(measured(4, "v2", fitted_on=("t1",)))
    for day in range(5, 9):
        store.alignments.add(measured(day))
    assert frozenset() == store.alignments.fitted_on("support", "helpful", "v1")
    assert {"t1"} == store.alignments.fitted_on("support", "helpful", "v2")
