"""Prompt files: filling, editing and showing the change."""

import pytest

from burnish.domain.prompts import apply_edits, check_path, fill, is_allowed, unified_diff, variables
from burnish.domain.proposals import Edit
from burnish.errors import EditError, InputError

TEXT = "You work for {{ company }}.\n\n- atlas\n- bravo\n"
FILES = {"prompts/a.md": TEXT}


def edit(search: str, replace: str, path: str = "prompts/a.md") -> Edit:
    return Edit(path=path, search=search, replace=replace)


def test_filling_is_one_pass_of_plain_replacement() -> None:
    """A value that looks like a variable or like a template is put in as it is."""
    assert fill("{{ a }}!", {"a": "{{ b }} {% x %}", "b": "never"}) == "{{ b }} {% x %}!"


def test_a_variable_without_a_value_is_named() -> None:
    """The error says which variable to give a value."""
    with pytest.raises(InputError, match="no value for company"):
        fill(TEXT, {})


def test_variables_are_listed() -> None:
    """Spaces inside the braces do not matter."""
    assert frozenset({"company", "day"}) == variables("{{company}} {{ day }} {single}")


def test_edits_apply_in_order_and_only_changed_files_come_back() -> None:
    """A later edit sees the text that an earlier one left."""
    edits = [edit("- atlas\n", "- atlas: cards\n"), edit("atlas: cards", "atlas: cards and loans")]
    expected = {"prompts/a.md": TEXT.replace("- atlas", "- atlas: cards and loans")}
    assert expected == apply_edits({**FILES, "prompts/b.md": "x"}, edits, ["prompts/**"])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (edit("- delta", "x"), r"edit 1 of 'prompts/a.md'.*0 matches"),
        (edit("- ", "* "), "matches 2 times"),
        (edit("", "x"), "search text is empty"),
        (edit("- atlas", "- atlas"), "changes nothing"),
        (edit("{{ company }}", "us"), "lose the variables company"),
        (edit("- atlas", "- {{ secret }}"), "add the variables secret"),
        (edit("- atlas", "- {secret}"), "add the variables secret"),
        (edit("- atlas", "x" * 30_000), "keep a replacement under"),
        (edit("a", "b", "src/app.py"), "may not change"),
        (edit("a", "b", "prompts/none.md"), "no such file"),
        (edit("a", "b", "/etc/passwd"), "not a relative path"),
        (edit("a", "b", "prompts/../../x"), "not a relative path"),
        (edit("a", "b", ".git/config"), "not a relative path"),
    ],
)
def test_an_edit_that_does_not_fit_says_why(wrong: Edit, said: str) -> None:
    """Every refusal names the edit, the fact and what to do."""
    with pytest.raises(EditError, match=said):
        apply_edits(FILES, [wrong], ["prompts/**"])


def test_overlapping_matches_count() -> None:
    """Where the search text could mean two places that overlap, the edit is refused."""
    with pytest.raises(EditError, match="2 times"):
        apply_edits({"p.md": "aXaXa"}, [edit("aXa", "b", "p.md")], ["**"])


def test_edits_that_undo_each_other_are_no_change() -> None:
    """The result counts, not the number of edits."""
    with pytest.raises(EditError, match="undo each other"):
        apply_edits(FILES, [edit("atlas", "omega"), edit("omega", "atlas")], ["**"])


@pytest.mark.parametrize("path", ["", "a//b", "./a", "a\\b", "C:/a", "-rf", "~/a", "a\nb", "a/.GIT/hooks/x"])
def test_paths_that_could_leave_the_repository_are_refused(path: str) -> None:
    """Only plain relative posix paths pass."""
    with pytest.raises(EditError):
        check_path(path)


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("prompts/a.md", "prompts/**", True),
        ("prompts/x/a.md", "prompts/**", True),
        ("prompts/x/a.md", "prompts/*.md", False),
        ("src/p/prompts/a.md", "**/prompts/*.md", True),
        ("prompts/a.md", "**/prompts/*.md", True),
        ("xprompts/a.md", "**/prompts/*.md", False),
        ("promptsXa.md", "prompts.a.md", False),
    ],
)
def test_globs_know_folders(path: str, pattern: str, expected: bool) -> None:
    """One star stays inside a folder, two cross folders, a dot is a dot."""
    assert expected is is_allowed(path, [pattern])


def test_the_diff_is_one_that_git_applies() -> None:
    """A missing newline at the end is marked as git marks it."""
    diff = unified_diff({"p.md": "one\ntwo"}, [edit("two", "three", "p.md")])
    expected = (
        "--- a/p.md\n+++ b/p.md\n@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n"
        "+three\n\\ No newline at end of file\n"
    )
    assert expected == diff
