"""Deployments can be loaded, and their parameters show as a form."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
ENTRYPOINTS = [deployment["entrypoint"] for deployment in DEPLOYMENTS]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Load a flow as a worker does: from the project's root."""
    monkeypatch.chdir(ROOT)
    return lambda entrypoint: load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)


def test_every_flow_is_deployed() -> None:
    """A flow file that prefect.yaml forgets could be started by nobody."""
    files = {path.stem for path in (ROOT / "flows").glob("*.py") if path.stem != "__init__"}
    assert files == {Path(entrypoint.partition(":")[0]).stem for entrypoint in ENTRYPOINTS}


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_a_deployment_loads_with_all_its_imports(load: Callable[[str], Any], entrypoint: str) -> None:
    """Prefect hides import errors behind a placeholder by default; a worker would meet them at night."""
    flow = load(entrypoint)
    assert entrypoint.partition(":")[2].replace("_", "-") == flow.name
    assert flow.isasync is True


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_options_show_as_a_form_that_explains_itself(load: Callable[[str], Any], entrypoint: str) -> None:
    """Every option has a title and a description in the schema that the UI draws its form from."""
    schema = parameter_schema(load(entrypoint))
    (options,) = [found for found in schema.definitions.values() if "night" in found.get("properties", {})]
    for name, option in options["properties"].items():
        assert option.get("title"), name
        assert option.get("description"), name
    assert options["additionalProperties"] is False
    assert set(schema.required or []) <= {"agent"}
    assert all(schema.properties[name].get("description") for name in schema.required or [])
