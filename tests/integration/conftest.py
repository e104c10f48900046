"""A project whose agent is measured through a model that answers by rule, for tests of whole nights."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.model_server import ModelServer, serve_in_thread
from support.night_project import NightProject, answer


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serve_in_thread(ModelServer(answer)) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch) -> NightProject:
    made = NightProject.create(tmp_path / "project", model.base_url)
    for name in [name for name in os.environ if name.startswith("BURNISH_")]:
        monkeypatch.delenv(name)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made
