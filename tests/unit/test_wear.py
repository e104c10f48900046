from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.dataset_versions import Change, Standing, between, net, told
from burnish.domain.datasets import Split
from burnish.domain.wear import choose, wear_of, worn_text

IDS = st.lists(st.integers(0, 40).map(str), unique=True, max_size=30)
STATES = st.lists(
    st.dictionaries(
        st.integers(0, 5).map(str),
        st.tuples(st.sampled_from("ab"), st.booleans()).map(lambda said: Standing(Split.TRAIN, *said)),
    ),
    min_size=1,
    max_size=6,
)


@given(ids=IDS, counts=st.dictionaries(st.integers(0, 40).map(str), st.integers(1, 5)), limit=st.integers(0, 40))
def test_nobody_is_used_before_one_that_was_used_less(ids: list[str], counts: dict[str, int], limit: int) -> None:
    """Whoever is left out was used at least as often as whoever is taken."""
    taken = choose(ids, counts, limit)
    left = set(ids) - set(taken)
    assert min(limit, len(ids)) == len(taken) == len(set(taken))
    assert not left or not taken or max(counts.get(i, 0) for i in taken) <= min(counts.get(i, 0) for i in left)


def test_wear_is_told_in_counts() -> None:
    """Median, most, and those over the number of nights; nothing worn, nothing said."""
    wear = wear_of([0, 0, 3, 21, 25], worn_after=20)
    assert (5, 2, 3.0, 25, 0.4) == (wear.examples, wear.worn, wear.median, wear.most, wear.share)
    assert {0: 2, 3: 1, 21: 1, 25: 1} == wear.uses
    assert worn_text(wear).startswith(
        "2 of 5 held-out examples are worn: the gate has used them on more than 20 nights"
    )
    assert ("", 0.0) == (worn_text(wear_of([1, 2], 20)), wear_of([], 20).share)


@given(states=STATES)
def test_several_changes_are_one(states: list[dict[str, Standing]]) -> None:
    """Step by step, the versions tell of exactly the examples that differ between first and last, once each."""
    whole: dict[str, Standing] = {}
    steps = []
    for state in states:
        grown = {**whole, **state}  # examples never leave a dataset, they are only retired
        steps.append(between(whole, grown))
        whole = grown
    found = net(steps).get(Split.TRAIN, Change())
    assert {i for i, one in whole.items() if one.in_use} == set(found.added)
    assert not found.changed
    assert not found.retired


def test_what_is_told_of_held_out_examples_has_no_ids() -> None:
    """Counts in all splits, ids in two of them."""
    change = Change(added=("a",), changed=("b", "c"))
    shown = told({Split.HELD_OUT: change, Split.DEV: change})
    assert (1, 2, 0, None) == (
        shown[Split.HELD_OUT].added, shown[Split.HELD_OUT].changed, shown[Split.HELD_OUT].retired,
        shown[Split.HELD_OUT].ids,
    )  # fmt: skip
    assert (change, Change()) == (shown[Split.DEV].ids, shown[Split.TRAIN].ids)


def test_members_of_a_group_are_measured_one_after_the_other() -> None:
    """The same examples are chosen as without groups; only their order puts groups together."""
    ids = [f"e{n}" for n in range(30)]
    groups = {i: f"g{n % 10}" for n, i in enumerate(ids)}
    taken = choose(ids, {}, 21, groups)
    assert set(choose(ids, {}, 21)) == set(taken)
    runs = [
        groups[one]
        for one, before in zip(taken, [None, *taken], strict=False)
        if groups.get(before or "") != groups[one]
    ]
    assert len(runs) == len(set(runs))
