"""The composition root: which model answers, what an agent's environment gets, and who stops at the budget."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from support.evaluation import context
from support.model_server import Answer, ModelServer, completion

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.datasets import Example
from burnish.domain.evaluators.panel import Panel
from burnish.domain.experiments import AgentVersion, RunStatus
from burnish.domain.traces import Span, SpanKind, Trace, Usage
from burnish.errors import BudgetExceededError, ConfigError
from burnish.loop.agent_evaluators import judge_models
from burnish.loop.context import Endpoint, Workshop, booked_night, endpoint_tokens, project_agents
from burnish.project import AgentConfig
from burnish.settings import Settings

AGENT: dict[str, Any] = {
    "name": "desk",
    "repository": {"url": "unused"},
    "target": {"kind": "prompt", "prompt": "p.md"},
    "improve": {"metric": "right"},
}
ECHO = (
    "import json, os, sys\n"
    "for line in sys.stdin:\n"
    "    told = {n: value for n, value in os.environ.items() if n.startswith(('OPENAI_', 'PLAIN', 'BURNISH'))}\n"
    "    print(json.dumps({'id': json.loads(line)['id'], 'output': told}), flush=True)\n"
)
COMMAND = {"kind": "command", "command": [sys.executable, "echo.py"]}

Build = Callable[..., Workshop]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """A workshop over an empty project; `settings` are BURNISH_ settings, the rest is of the agent's file."""
    made: list[Workshop] = []
    store = Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}")

    def make(settings: dict[str, Any] | None = None, **agent: Any) -> Workshop:
        values = {"project": tmp_path, "models_dir": tmp_path / "models", **(settings or {})}
        config = AgentConfig.model_validate({**AGENT, **agent})
        made.append(Workshop(Settings(_env_file=None, **values), config, store, "desk/2026-01-01"))
        return made[-1]

    yield make
    for workshop in made:
        await workshop.aclose()
    store.close()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BASE_URL", "API_KEY"):
        monkeypatch.delenv(f"BURNISH_MODEL_{name}", raising=False)
    monkeypatch.delenv("BURNISH_MODEL", raising=False)


def test_the_agents_file_speaks_before_the_settings(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint, key and name in [models] win over the environment's; what they leave out, the environment fills."""
    settings = {"model_base_url": "http://settings/v1", "model_api_key": "key-of-settings", "model": "small"}
    monkeypatch.setenv("DESK_KEY", "key-of-desk")
    file = {"base_url": "http://file/v1", "api_key_env": "DESK_KEY", "name": "large"}
    from_file = build(settings, models={"target": file}).endpoint("target")
    assert Endpoint(base_url="http://file/v1", api_key="key-of-desk", model="large") == from_file
    from_settings = build(settings).endpoint("target")
    assert Endpoint(base_url="http://settings/v1", api_key="key-of-settings", model="small") == from_settings
    mixed = build(settings, models={"target": {"name": "large"}}).endpoint("target")
    assert Endpoint(base_url="http://settings/v1", api_key="key-of-settings", model="large") == mixed


def test_a_role_without_a_model_takes_the_targets(build: Build) -> None:
    """Judge and proposer ask what the agent asks, unless they have a model of their own."""
    models = {"target": {"base_url": "http://t/v1", "name": "t"}, "judge": {"base_url": "http://j/v1", "name": "j"}}
    workshop = build(models=models)
    assert ["t", "j", "t"] == [workshop.endpoint(role).model for role in ("target", "judge", "proposer")]


def test_without_an_endpoint_the_embedded_model_answers(build: Build) -> None:
    """It comes last, and where its weights are not here the error says which two ways lead on."""
    with pytest.raises(ConfigError, match=r"`burnish model fetch`, or set BURNISH_MODEL_BASE_URL"):
        build().endpoint("target")


def test_a_key_or_a_name_that_is_missing_is_told(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is guessed: the call would fail later, for every trace."""
    monkeypatch.delenv("DESK_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"api_key_env = 'DESK_KEY', which is not set"):
        build(models={"judge": {"api_key_env": "DESK_KEY", "name": "x"}}).endpoint("judge")
    with pytest.raises(ConfigError, match=r"set name in \[models.judge\] or BURNISH_MODEL"):
        build({"model_base_url": "http://settings/v1"}).endpoint("judge")


async def test_an_agent_is_handed_the_model_burnish_was_given(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`$model.` values are filled, other values stay, and no secret of ours is there."""
    monkeypatch.setenv("BURNISH_GITHUB_TOKEN", "secret")
    monkeypatch.setenv("OPENAI_ORGANIZATION", "secret")
    given = {"OPENAI_BASE_URL": "$model.base_url", "OPENAI_KEY_GIVEN": "$model.api_key", "PLAIN": "$other"}
    # Under a name that does not say what it is: what an agent tells is redacted.
    ours = {"model_base_url": "http://settings/v1", "model_api_key": "k", "model": "m"}
    workshop = build(ours, target={**COMMAND, "environment": given})
    outcome = await workshop.target.run(_echo(tmp_path), Example(id="e", input="x"), "s")
    filled = {"OPENAI_BASE_URL": "http://settings/v1", "OPENAI_KEY_GIVEN": "k", "PLAIN": "$other"}
    assert {**filled, "BURNISH_EXPERIMENT": "1"} == outcome.output


def test_the_key_of_the_settings_goes_to_no_other_host(build: Build) -> None:
    """An endpoint that only an agent's file names is asked without it; the file names its own key."""
    ours = {"model_base_url": "http://settings/v1", "model_api_key": "k", "model": "m"}
    assert "k" == build(ours).endpoint("judge").api_key
    assert "none" == build(ours, models={"judge": {"base_url": "http://file/v1"}}).endpoint("judge").api_key


def test_an_unknown_model_value_is_refused(build: Build) -> None:
    """A misspelt one would reach the agent as it stands."""
    target = {**COMMAND, "environment": {"OPENAI_API_KEY": "$model.key"}}
    with pytest.raises(
        ConfigError, match=r"has \$model.key; known are \$model.base_url, \$model.api_key, \$model.name"
    ):
        _ = build(target=target, models={"target": {"base_url": "http://f/v1", "name": "m"}}).target


def test_a_metric_that_no_evaluator_measures_is_an_error(build: Build, tmp_path: Path) -> None:
    """The night would find nothing to improve and never say why."""
    folder = tmp_path / "config" / "evaluators"
    folder.mkdir(parents=True)
    (folder / "some.yaml").write_text("- kind: no_error\n  name: fine\n")
    with pytest.raises(ConfigError, match=r"'desk' measures right, which no evaluator .* is called; there are: fine"):
        _ = build().evaluators
    with pytest.raises(ConfigError, match=r"measures polite, which no evaluator"):
        _ = build(improve={"metric": "fine"}, gate={"guards": ["polite"]}).evaluators
    assert ["fine"] == [evaluator.name for evaluator in build(improve={"metric": "fine"}).evaluators]


async def test_an_agent_with_a_model_of_its_own_stops_at_the_budget(build: Build, tmp_path: Path) -> None:
    """Calls that do not go through our port are booked from its traces; once they spend the budget, it runs no more."""
    workshop = build(target=COMMAND, budget={"calls": 2})
    workshop.store.nights.begin("desk", utc_now().date())
    version, example = _echo(tmp_path), Example(id="e", input="x")
    for number in range(2):
        assert RunStatus.OK is (await workshop.target.run(version, example, "s")).status
        workshop.accounts(_called(f"t{number}"))
    assert (2, 0.0) == workshop.store.calls.spent("desk/2026-01-01")
    with pytest.raises(BudgetExceededError):
        await workshop.target.run(version, example, "s")
    assert True is workshop.budget.exhausted
    later = build(target=COMMAND, budget={"calls": 2})  # what was spent before a restart still counts
    with pytest.raises(BudgetExceededError):
        await later.target.run(version, example, "s")


async def test_a_run_that_waited_for_its_place_asks_for_the_budget_then(build: Build, tmp_path: Path) -> None:
    """Runs come two by two into one place; what the first one spent keeps the second from being made."""
    workshop = build(target={**COMMAND, "concurrency": 1}, budget={"calls": 1})
    workshop.store.nights.begin("desk", utc_now().date())
    version = _echo(tmp_path)

    async def run(name: str) -> RunStatus:
        outcome = await workshop.target.run(version, Example(id=name, input="x"), "s")
        workshop.accounts(_called(name))
        return outcome.status

    first, second = await asyncio.gather(run("a"), run("b"), return_exceptions=True)
    assert RunStatus.OK is first
    assert isinstance(second, BudgetExceededError)


async def test_a_night_that_broke_off_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a date the unfinished night goes on; a date is always that night."""
    monkeypatch.setenv("BURNISH_PROJECT", str(tmp_path))
    monkeypatch.setenv("BURNISH_HOME", str(tmp_path / "home"))
    with pytest.raises(ConfigError, match="no agents in"):
        project_agents()
    agents = tmp_path / "config" / "agents"
    agents.mkdir(parents=True)
    (agents / "desk.toml").write_text(
        '[repository]\nurl = "u"\n[target]\nprompt = "p.md"\n[improve]\nmetric = "right"\n'
    )
    assert ["desk"] == project_agents()
    day = utc_now().date().replace(day=1, month=1)
    async with booked_night("desk", day) as first:
        pass
    async with booked_night("desk") as second:
        pass
    assert first == second == f"desk/{day}"


def _echo(folder: Path) -> AgentVersion:
    (folder / "echo.py").write_text(ECHO)
    return AgentVersion(id="v", root=folder, commit="c", label="v")


def _called(trace_id: str) -> Trace:
    now = utc_now()
    usage = Usage(input_tokens=3, output_tokens=1)
    call = Span(
        trace_id=trace_id, span_id="s", name="chat", kind=SpanKind.LLM, started_at=now, ended_at=now, usage=usage
    )
    return Trace(
        trace_id=trace_id, agent="desk", source="experiment", name="run", started_at=now, ended_at=now, spans=(call,)
    )


def _endpoint_agent(variable: str | None) -> AgentConfig:
    return AgentConfig.model_validate({**AGENT, "source": {"kind": "endpoint", "api_key_env": variable}})


def test_the_token_of_an_agent_comes_from_the_variable_it_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An agent without a variable has no token of its own; a variable that is not set would leave the door open."""
    monkeypatch.setenv("DESK_TOKEN", "t")
    agents = {"desk": _endpoint_agent("DESK_TOKEN"), "shop": _endpoint_agent(None)}
    assert {"desk": "t"} == endpoint_tokens(Settings(project=tmp_path), agents)
    monkeypatch.delenv("DESK_TOKEN")
    with pytest.raises(ConfigError, match=r"\[source\] of agent 'desk' names .* DESK_TOKEN, which is not set"):
        endpoint_tokens(Settings(project=tmp_path), agents)


def test_a_key_may_stand_in_the_projects_env_file_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever folder a command is called from; what neither has is None."""
    (tmp_path / ".env").write_text("DESK_TOKEN=from-file\nEMPTY=\n")
    settings = Settings(project=tmp_path)
    monkeypatch.delenv("DESK_TOKEN", raising=False)
    assert "from-file" == settings.variable("DESK_TOKEN")
    monkeypatch.setenv("DESK_TOKEN", "from-environment")
    assert "from-environment" == settings.variable("DESK_TOKEN")
    assert settings.variable("EMPTY") is None
    assert settings.variable("NOT_THERE") is None


async def test_members_of_a_panel_run_at_their_own_endpoints(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked where its model is, with that one's key, on the one budget; one that fails is left out."""
    monkeypatch.setenv("SECOND_KEY", "second")
    passed = {"reasoning": "r", "verdict": "pass"}
    async with (
        ModelServer(lambda _: Answer(completion(json.dumps(passed)))) as first,
        ModelServer(lambda _: Answer(completion(json.dumps(passed | {"verdict": "fail"})))) as second,
        ModelServer(lambda _: Answer({"error": {"message": "no such model"}}, status=404)) as third,
    ):
        other = {"name": "real", "base_url": second.base_url, "api_key_env": "SECOND_KEY"}
        workshop = build(
            {"model_base_url": first.base_url, "model_api_key": "ours", "model": "usual"},
            models={"other": other, "gone": {"name": "old", "base_url": third.base_url}},
            budget={"calls": 3},
        )
        members = [{"name": "a"}, {"name": "b", "model": "other"}, {"name": "c", "model": "gone"}]
        panel = Panel.model_validate({"name": "n", "rubric": "R.", "members": members})
        bound = panel.bound(judge_models(workshop.config, workshop.settings))
        found = {score.key or "n": score for score in await bound.evaluate(context("x", judge=workshop.judge))}
        assert {"n.a": 1.0, "n.b": 0.0, "n": 0.5, "n.disagreement": 1.0} == {
            key: one.score for key, one in found.items()
        }
        assert "no verdict from n.c" in str(found["n"].comment)
        assert (["usual"], ["real"]) == tuple([request["model"] for request in one.requests] for one in (first, second))
        assert "Bearer second" == second.headers[0]["authorization"]
        assert "ours" not in str(second.headers + third.headers)
        with pytest.raises(BudgetExceededError):  # the 404 was not paid, so one call is left for three members
            await bound.evaluate(context("y", judge=workshop.judge))
        await workshop.book_calls()
        again = build(models={"other": other | {"name": "another"}})
        assert bound.version != panel.bound(judge_models(again.config, workshop.settings)).version


def test_a_role_that_is_misspelled_is_no_further_model(build: Build) -> None:
    """The nearest role is named; a further model has to say where it answers."""
    with pytest.raises(ValueError, match=r"unknown key 'models\.juge'; did you mean 'judge'"):
        build(models={"juge": {"name": "x", "base_url": "http://127.0.0.1:1/v1"}})
    with pytest.raises(ValueError, match=r"\[models.other\] needs name and base_url"):
        build(models={"other": {"name": "x"}})
