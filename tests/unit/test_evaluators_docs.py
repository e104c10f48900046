"""docs/evaluators.md: every kind has its part, and every example loads."""

import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.shared_data import ROOT

from burnish.domain.evaluators.registry import BUILT_IN
from burnish.domain.evaluators.specs import json_schema, load_evaluators

TEXT = (ROOT / "docs" / "evaluators.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
PARTS = {part.split("`")[0]: part for part in re.split(r"^### `", TEXT, flags=re.MULTILINE)[1:]}


def test_every_kind_has_its_part() -> None:
    """No kind without a heading, a sentence and an example of its own."""
    assert sorted(BUILT_IN) == sorted(PARTS)
    assert [] == [kind for kind, part in PARTS.items() if f"kind: {kind}\n" not in part]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_loads(number: int, tmp_path: Path) -> None:
    """Each is a file that burnish reads and the editors' schema accepts."""
    folder = tmp_path / "config" / "evaluators"
    folder.mkdir(parents=True)
    (tmp_path / "config" / "rubrics").mkdir()
    (tmp_path / "config" / "rubrics" / "task_done.yaml").write_text("rubric: The task is done.\n")
    (folder / "example.yaml").write_text(EXAMPLES[number], encoding="utf-8")
    assert load_evaluators(folder, None)
    assert [] == list(Draft202012Validator(json_schema()).iter_errors(yaml.safe_load(EXAMPLES[number])))
