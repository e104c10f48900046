"""From changed text to edits that match exactly once, and from model text to one harmless line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.domain.prompts import apply_edits
from burnish.domain.proposing.edits import edits_between, find_label, one_line, with_note
from burnish.errors import EditError

LINES = st.lists(st.sampled_from(["a\n", "b\n", "- a\n", "\n", "ab\n", "c"]), min_size=1, max_size=12).map("".join)


@settings(max_examples=100, deadline=None)
@given(old=LINES, new=LINES)
def test_the_edits_turn_the_old_text_into_the_new(old: str, new: str) -> None:
    """Whatever the texts, the edits apply one after the other and give exactly the new text."""
    if old == new:
        return
    assert {"p.md": new} == apply_edits({"p.md": old}, edits_between("p.md", old, new), ["**"])


def test_an_edit_quotes_no_more_than_it_needs() -> None:
    """A line that is unique stands alone; one that is not takes a neighbour along."""
    old = "- atlas\n- bravo\nsee - atlas\n"
    edits = edits_between("p.md", old, old.replace("- bravo", "- bravo: x"))
    assert [edit.search for edit in edits] == ["- bravo\n"]
    edits = edits_between("p.md", old, "- atlas: x\n- bravo\nsee - atlas\n")
    assert [edit.search for edit in edits] == ["- atlas\n- bravo\n"]


def test_equal_texts_have_no_edits() -> None:
    """There must be something to change."""
    with pytest.raises(EditError, match="nothing to change"):
        edits_between("p.md", "a", "a")


@pytest.mark.parametrize(
    ("line", "head", "meaning"),
    [
        ("- atlas", "- atlas", ""),
        ("  * `atlas`  ", "  * `atlas`", ""),
        ("3. **atlas**: cards", "3. **atlas**", "cards"),
        ("- atlas \u2013 cards", "- atlas", "cards"),
        ("atlas", "atlas", ""),
        ("- atlas:", "- atlas", ""),
    ],
)
def test_a_label_is_found_on_its_line(line: str, head: str, meaning: str) -> None:
    """List items and bare lines, quoted or not, with a meaning or without."""
    found = find_label({"p.md": f"Queues:\n{line}\n- atlasx\n"}, "atlas")
    assert found is not None
    assert (1, head, meaning) == (found.number, found.head, found.meaning)


@pytest.mark.parametrize("text", ["send it to atlas now\n", "- atlas\n- atlas\n", "- atlasx\n", ""])
def test_a_label_that_is_not_one_line_is_not_found(text: str) -> None:
    """In a sentence, twice, or as part of another word it is no place to write a meaning."""
    assert None is find_label({"p.md": text}, "atlas")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Messages\nabout\tcards ", "Messages about cards"),
        ("{{ company }} {x}", "company x"),
        ("- # quote", "quote"),
        ("a\u202eb\x00c", "a b c"),
        ('"said"', "said"),
        ("one two three", "one two…"),
    ],
)
def test_model_text_becomes_one_harmless_line(text: str, expected: str) -> None:
    """No braces, no control or invisible characters, no marks that make a list or heading, cut at a word."""
    assert expected == one_line(text, 10 if text == "one two three" else 80)


def test_notes_are_gathered_in_one_section_at_the_end() -> None:
    """A second note joins the first one's section."""
    first = with_note("Prompt", ["be kind"])
    assert first == "Prompt\n\n## Notes\n\n- be kind\n"
    assert with_note(first, ["be brief"]) == "Prompt\n\n## Notes\n\n- be kind\n- be brief\n"
