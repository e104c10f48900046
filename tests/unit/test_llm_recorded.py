"""Recorded answers."""

from pathlib import Path

import pytest
from support.chats import ask

from burnish.adapters.llm.recorded import RecordedModel, RecordingModel
from burnish.errors import InputError, ModelError
from burnish.testing import ScriptedModel


async def test_what_was_recorded_is_given_back(tmp_path: Path) -> None:
    """An answer comes back whole for the same question, free of cost, whatever its purpose is called."""
    path = tmp_path / "answers.jsonl"
    recording = RecordingModel(ScriptedModel(["é\n", "two"], name="m1", strong=True), path)
    first = await recording.complete(ask("1", salt="a"))
    await recording.complete(ask("2"))
    assert ("m1", True) == (recording.name, recording.strong)
    replayed = await RecordedModel(path).complete(ask("1", salt="a", purpose="judge"))
    assert first.model_copy(update={"cached": True}) == replayed


async def test_what_was_not_recorded_is_an_error(tmp_path: Path) -> None:
    """A question that changed is not answered with something else."""
    path = tmp_path / "answers.jsonl"
    path.touch()
    with pytest.raises(ModelError, match=r"no answer to this question.*record it again"):
        await RecordedModel(path).complete(ask("new"))


def test_a_broken_recording_says_where(tmp_path: Path) -> None:
    """The error names the file and the line; a missing file is named too."""
    path = tmp_path / "answers.jsonl"
    path.write_text('\n{"key": "k"}\n')
    with pytest.raises(InputError, match=r"answers\.jsonl:2 is no recorded answer"):
        RecordedModel(path)
    with pytest.raises(InputError, match="No such file"):
        RecordedModel(tmp_path / "none.jsonl")
