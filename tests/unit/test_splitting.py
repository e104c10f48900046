import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from burnish.domain.base import Json
from burnish.domain.datasets import Example, Split, SplitRule
from burnish.domain.similarity import normalised, text_of_input
from burnish.domain.splitting import Placed, assign, group_keys, resembling, split_of
from burnish.domain.templates import skeleton

RULE = SplitRule()
WORDS = ("card", "order", "refund", "late", "parcel", "login", "password", "invoice", "address", "cancel", "trial")


def example(name: str, text: Json, **metadata: Json) -> Example:
    return Example(id=name, input=text, metadata=metadata)


def distinct(count: int, seed: int = 0) -> list[Example]:
    rng = random.Random(seed)
    return [
        example(f"e{seed}-{i:05d}", " ".join(rng.choice(WORDS) + str(rng.randrange(50)) for _ in range(8)))
        for i in range(count)
    ]


def placed(answer: list[tuple[Example, Split]], rule: SplitRule = RULE) -> dict[str, Placed]:
    return {e.id: Placed(text_of_input(e.input), e.group, split, group_keys(e, rule)) for e, split in answer}


def test_near_duplicates_share_a_group() -> None:
    """Case, punctuation, word order and a changed word of ten make no difference; another question does."""
    texts = [
        "My card has not arrived yet, what should I do now?",
        "my card has not arrived yet what should i do NOW",
        "what should I do now? My card has not arrived yet",
        "My card has not arrived yet, what should I do next?",
        "Please cancel my subscription at the end of this month",
    ]
    answer = assign({}, [example(str(i), text) for i, text in enumerate(texts)], RULE)
    assert [e.group for e, _ in answer] == ["0", "0", "0", "0", "4"]


def test_a_short_text_inside_a_long_one_is_not_a_duplicate() -> None:
    """One word that many messages contain does not tie them together."""
    texts = ["card", "my card was stolen on holiday", "the card reader in your shop is broken"]
    answer = assign({}, [example(str(i), text) for i, text in enumerate(texts)], RULE)
    assert len({e.group for e, _ in answer}) == 3


def test_one_user_stays_in_one_split() -> None:
    """Grouped by user and session, everything that shares either lands together, also through a third."""
    rule = SplitRule(group_by=("user", "session"))
    rows = [
        example("a", "one", user="u1", session="s1"),
        example("b", "two", user="u2", session="s1"),
        example("c", "three", user="u2", session="s9"),
        example("d", "one", user="u7", session="s7"),
        example("e", "one"),
    ]
    assert [e.group for e, _ in assign({}, rows, rule)] == ["a", "a", "a", "d", "e"]


def test_a_group_never_straddles_splits() -> None:
    """All examples of a group share its split."""
    rows = [example(f"{e.id}-{n}", f"{e.input} {'thanks' if n else ''}") for e in distinct(60) for n in range(2)]
    by_group: dict[str, set[Split]] = {}
    for e, split in assign({}, rows, RULE):
        by_group.setdefault(e.group, set()).add(split)
    assert {len(splits) for splits in by_group.values()} == {1}
    assert len(by_group) == 60


@given(order=st.permutations(range(30)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_new_examples_does_not_matter(order: list[int]) -> None:
    """The same examples in any order get the same groups and splits."""
    rows = [*distinct(20), *(example(f"copy{i}", f"{e.input} please") for i, e in enumerate(distinct(10)))]
    straight = {e.id: (e.group, split) for e, split in assign({}, rows, RULE)}
    shuffled = {e.id: (e.group, split) for e, split in assign({}, [rows[i] for i in order], RULE)}
    assert straight == shuffled


@given(first=st.integers(1, 40), second=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_growth_moves_nothing(first: int, second: int) -> None:
    """An example keeps its group and split however the dataset grows, also when it is given again."""
    rows = distinct(first)
    before = assign({}, rows, RULE)
    known = placed(before)
    after = assign(
        known, [*rows, *distinct(second, seed=1), *(example(f"c{e.id}", f"{e.input} pls") for e in rows)], RULE
    )
    assert after[:first] == before
    copies = {e.id: e.group for e, _ in after if e.id.startswith("c")}
    assert copies == {f"c{e.id}": known[e.id].group for e in rows}


def test_a_bridge_between_groups_of_one_split_joins_the_oldest() -> None:
    """A new example that resembles two known groups joins the older; one like the younger goes there."""
    old, young = "reset the password of my main account today", "reset the password of my test account now"
    bridge, third = "reset the password of my main account now", "RESET the password of my test account now!"
    known = {"y": Placed(old, "g-old", Split.TRAIN), "z": Placed(young, "g-young", Split.TRAIN)}
    answer = assign(known, [example("b", bridge), example("t", third)], RULE)
    assert [(e.group, s) for e, s in answer] == [("g-old", Split.TRAIN), ("g-young", Split.TRAIN)]


def test_a_bridge_between_two_splits_is_left_out() -> None:
    """It could join neither side without a look-alike on the other; nobody moves, and others like it are placed."""
    old, young = "reset the password of my main account today", "reset the password of my test account now"
    bridge, third = "reset the password of my main account now", "RESET the password of my test account now!"
    known = {"y": Placed(old, "g-old", Split.HELD_OUT), "z": Placed(young, "g-young", Split.TRAIN)}
    answer = assign(known, [example("b", bridge), example("t", third)], RULE)
    assert [(e.id, e.group, s) for e, s in answer] == [("t", "g-young", Split.TRAIN)]


def test_new_examples_that_bridge_only_together_are_left_out_together() -> None:
    """One of a sealed user, one of a seen user, and a text that is nearly the same: either alone could be placed."""
    known = {
        "h": Placed("one", "g1", Split.HELD_OUT, ("user:ada",)),
        "t": Placed("two", "g2", Split.TRAIN, ("user:bob",)),
    }
    ours = example("a", "please send the invoice of last month", user="ada")
    theirs = example("b", "please send the invoice of last months", user="bob")
    assert [] == assign(known, [ours, theirs], RULE)
    assert [("a", "g1")] == [(e.id, e.group) for e, _ in assign(known, [ours], RULE)]


def test_what_proposers_have_seen_never_proves_anything() -> None:
    """A look-alike of a trace that was shown goes to train, and is left out where it is tied to the held-out split."""
    asked = "where is the parcel that I ordered two weeks ago"
    for seed in range(8):
        rule = SplitRule(seed=seed)
        seen = [Placed(asked, "", Split.TRAIN)]
        ((found, split),) = assign({}, [example("a", f"{asked}!")], rule, seen)
        assert ("a", Split.TRAIN) == (found.group, split)
        sealed = {"h": Placed("x", "g", Split.HELD_OUT, ("user:ada",))}
        assert [] == assign(sealed, [example("a", f"{asked}!", user="ada")], rule, seen)


def test_one_template_is_one_group() -> None:
    """Two inputs that differ in names and numbers alone stand together, however much of the text those are."""
    rows = [
        example("a", "Please move my booking for Anna Bergstrom to the 4th of 2031 in room 12"),
        example("b", "Please move my booking for Li to the 17th of 2032 in room 9"),
        example("c", "Please cancel my booking for Anna Bergstrom on the 4th of 2031 in room 12"),
        example("d", "Entirely different words", template="booking"),
        example("e", "Nothing in common here", template="booking"),
    ]
    rule = SplitRule(group_by=("template",))
    assert ["a", "a", "c", "d", "d"] == [e.group for e, _ in assign({}, rows, rule)]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Where is my order #4711, sent to ann@example.com?", "where is my order # sent to #"),
        ("please refund Anna Schmidt for the late parcel", "please refund # for the late parcel"),
        ('I asked "where is it" and got no answer', "i asked # and got no answer"),
        ("order 7", None),
        ("4711 4712 4713 4714 4715 please tell me this", None),
        ("", None),
    ],
)
def test_a_skeleton_masks_what_fills_a_template(text: str, left: str | None) -> None:
    """Numbers, addresses, quotations and names go; too little text left is no template."""
    assert left == skeleton(text)


BLOCKS = ("my parcel from the shop is late", "the login page does not open", "refund the last invoice to me")


@given(
    nights=st.lists(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 6), st.booleans()), min_size=1, max_size=8
        ),
        min_size=2,
        max_size=4,
    ),
    seed=st.integers(0, 20),
)
@settings(max_examples=60, deadline=None)
def test_nothing_ever_straddles_while_the_dataset_grows(
    nights: list[list[tuple[int, int, int, bool]]], seed: int
) -> None:
    """Night after night: no split of an example changes, and no user and no near-duplicate stands in two splits."""
    rule = SplitRule(seed=seed)
    known: dict[str, Placed] = {}
    for night, rows in enumerate(nights):
        new = [
            example(
                f"n{night}-{number}",
                f"{BLOCKS[block]} {WORDS[word]}{' please' if polite else ''}",
                **({"user": f"u{user}"} if user else {}),
            )
            for number, (block, user, word, polite) in enumerate(rows)
        ]
        answer = assign(known, new, rule)
        for e, split in answer:
            assert e.id not in known or (known[e.id].group, known[e.id].split) == (e.group, split)
        known |= placed(answer, rule)
        _check_apart(list(known.values()), rule)


def _check_apart(rows: list[Placed], rule: SplitRule) -> None:
    for number, one in enumerate(rows):
        for other in rows[:number]:
            if one.split is not other.split:
                a, b = normalised(one.text), normalised(other.text)
                assert fuzz.ratio(a, b) < 100 * rule.near_duplicate, (a, b)
                assert not set(one.keys) & set(other.keys)


def test_known_users_pull_new_examples_in() -> None:
    """A new example of a known user joins that user's group."""
    rule = SplitRule(group_by=("user",))
    known = {"a": Placed("x", "g", Split.DEV, ("user:u1",))}
    assert [(e.group, s) for e, s in assign(known, [example("b", "other", user="u1")], rule)] == [("g", Split.DEV)]


@pytest.mark.parametrize("count", [3, 4, 5, 8, 20])
@pytest.mark.parametrize("seed", range(6))
def test_a_first_fill_of_three_groups_leaves_no_split_empty(count: int, seed: int) -> None:
    """Whatever the hashes say, three groups or more fill three splits."""
    answer = assign({}, distinct(count, seed), SplitRule(seed=seed))
    assert {split for _, split in answer} == set(Split)


def test_shares_are_those_asked_for_in_the_long_run() -> None:
    """Over 20,000 groups the shares are within a percentage point."""
    splits = [split_of(str(i), SplitRule(train=0.5, dev=0.2, held_out=0.3)) for i in range(20_000)]
    shares = [splits.count(s) / len(splits) for s in (Split.TRAIN, Split.DEV, Split.HELD_OUT)]
    assert all(abs(found - asked) < 0.01 for found, asked in zip(shares, (0.5, 0.2, 0.3), strict=True))


def test_another_seed_splits_otherwise() -> None:
    """The seed is part of the hash."""
    groups = [str(i) for i in range(50)]
    assert [split_of(g, SplitRule(seed=1)) for g in groups] != [split_of(g, SplitRule(seed=2)) for g in groups]


def test_system_messages_do_not_make_inputs_alike() -> None:
    """Chat inputs are compared by what the user said."""
    system: Json = {"role": "system", "content": "You are a helpful agent. " * 40}
    rows: list[Json] = [
        [system, {"role": "user", "content": "where is my parcel"}],
        {"messages": [system, {"role": "user", "content": [{"type": "text", "text": "cancel my plan"}]}]},
        {"question": "why was I charged twice", "top_k": 3},
        None,
    ]
    texts = [text_of_input(row) for row in rows]
    assert "where is my parcel" in texts[0]
    assert not any("helpful agent" in text for text in texts)
    assert len({e.group for e, _ in assign({}, [example(str(i), row) for i, row in enumerate(rows)], RULE)}) == 4


def test_texts_without_words_are_compared_too() -> None:
    """Emoji, empty and very long texts neither crash nor all fall together."""
    rows = [example(str(i), text) for i, text in enumerate(["", "🙂", "🙁", "x" * 50_000, "?!"])]
    assert [e.group for e, _ in assign({}, rows, RULE)] == ["0", "1", "2", "3", "4"]
    assert len(normalised("word " * 5_000)) <= 2_001


def test_nothing_in_nothing_out() -> None:
    """No new examples are no answers."""
    assert assign({"a": Placed("x", "g", Split.DEV)}, [], RULE) == []


def test_resembling_finds_look_alikes_of_held_out_texts() -> None:
    """Equal and nearly equal texts are found, others are not."""
    sealed = ["My card has not arrived yet, what should I do now?", "Cancel it"]
    texts = ["my card has not arrived yet what should I do", "where is the invoice", "cancel it!"]
    assert resembling(texts, sealed, 0.9) == {0, 2}


def test_five_thousand_examples_take_seconds() -> None:
    """Messages of one template and distinct messages alike stay far from comparing all with all."""
    rows = [example(f"t{i}", f"Where is my order number {i} from last week please") for i in range(1000)]
    started = time.perf_counter()
    answer = assign({}, [*distinct(4000), *rows], RULE)
    assert len({e.group for e, _ in answer if e.id.startswith("t")}) == 1
    assert time.perf_counter() - started < 10
