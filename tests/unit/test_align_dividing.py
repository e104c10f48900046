"""Which labels a judge is fitted to: fixed for each once and for all, and nothing of what is sealed."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.evaluation import trace

from burnish.domain.alignment.dividing import divide
from burnish.domain.datasets import Example, Split, SplitRule

RULE = SplitRule()
WORDS = [
    "amber",
    "birch",
    "coral",
    "dune",
    "elm",
    "fern",
    "grove",
    "heath",
    "iris",
    "jade",
    "kelp",
    "lilac",
    "moss",
    "nutmeg",
    "olive",
    "pearl",
]


def labelled(number: int, text: str | None = None, **fields: str) -> Example:
    rng = random.Random(number)
    asked = text or " ".join(rng.choices(WORDS, k=6)) + f" {number * 7919}"
    return Example.of_trace(trace(trace_id=f"t{number}", input=asked, **fields))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**16))
def test_labels_that_come_later_move_no_label(count: int, seed: int) -> None:
    """Whatever follows, near-duplicates and sessions included, the first labels stand where they stood."""
    rng = random.Random(seed)
    texts = [" ".join([*rng.choices(WORDS[:3], k=12), *rng.choices(WORDS, k=2)]) for _ in range(60)]
    items = [labelled(n, texts[n], session_id=rng.choice([None, "s1", "s2", f"own{n}"])) for n in range(60)]  # type: ignore[arg-type]
    first = divide(items[:count], RULE, 0.5)
    assert first == {key: found for key, found in divide(items, RULE, 0.5).items() if key in first}


def test_what_belongs_together_stands_on_one_side() -> None:
    """A session, and nearly the same text, is one group on one side; one that is tied to both stands on neither."""
    items = [labelled(n, session_id=f"s{n % 10}") for n in range(60)]
    sides = divide(items, SplitRule(group_by=("session",)), 0.5)
    for session in range(10):
        assert 1 == len({sides[f"t{n}"] for n in range(session, 60, 10)})
    assert {Split.TRAIN, Split.HELD_OUT} == {side.split for side in sides.values()}
    here = next(n for n in range(60) if sides[f"t{n}"].split is Split.TRAIN)
    there = next(n for n in range(60) if sides[f"t{n}"].split is Split.HELD_OUT)
    rule = SplitRule(group_by=("session", "text"))
    bridge = labelled(99, str(items[here].input), session_id=f"s{there % 10}")
    assert None is divide([*items, bridge], rule, 0.5)["t99"].split


def test_the_share_of_held_out_labels_is_the_one_asked_for() -> None:
    """Of a thousand single labels about that many, by hash."""
    sides = divide([labelled(n) for n in range(1000)], SplitRule(group_by=()), 0.3)
    assert 250 < sum(side.split is Split.HELD_OUT for side in sides.values()) < 350


def test_sides_taken_before_stand_and_sealed_traces_are_never_train() -> None:
    """What an attempt held out stays held out, a judge's example stays train, and a seal outranks the hash."""
    items = [labelled(n) for n in range(40)]
    free = divide(items, RULE, 0.5)
    turned = {key: Split.TRAIN if side.split is Split.HELD_OUT else Split.HELD_OUT for key, side in free.items()}
    assert turned == {key: side.split for key, side in divide(items, RULE, 0.5, fixed=turned).items()}
    sealed = {f"t{n}" for n in range(20)}
    sides = divide(items, RULE, 0.5, sealed=sealed)
    assert {Split.HELD_OUT} == {sides[key].split for key in sealed}
    # A label that was fitted to before its trace was sealed proves nothing any more, and is shown no more.
    assert None is divide(items, RULE, 0.5, sealed={"t0"}, fixed={"t0": Split.TRAIN})["t0"].split
