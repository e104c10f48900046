"""The user's project folder: one TOML file an agent, read once, unknown keys refused with the nearest known one."""

import datetime as dt
import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, Field, StringConstraints, ValidationError, model_validator

from burnish.domain.alignment.rule import AlignRule
from burnish.domain.base import Json, Value, content_hash
from burnish.domain.chat import Allowance
from burnish.domain.datasets import SplitRule
from burnish.domain.gate import GateRule
from burnish.domain.redaction.rules import LimitRule, RedactionRule, RetentionRule
from burnish.domain.suite.verdict import SuiteRule
from burnish.errors import ConfigError, NotFoundError

__all__ = [
    "ROLES",
    "AgentConfig",
    "AlignConfig",
    "ClusterConfig",
    "ImproveConfig",
    "ModelConfig",
    "RepositoryConfig",
    "SourceConfig",
    "TargetConfig",
    "WriteBackConfig",
    "agent_names",
    "load_agent",
]


ROLES: Final = ("target", "judge", "proposer")


class RepositoryConfig(Value):
    """Where the agent's code lives and where its pull requests go."""

    url: str
    base: str = "main"
    forge: Literal["local", "github"] = "local"
    repository: str | None = None  # owner/name on the forge
    api_url: str | None = None  # GitHub Enterprise: https://host/api/v3
    labels: tuple[str, ...] = ("burnish",)
    evals_dir: str = "evals"
    open_pull_requests: int = Field(default=1, ge=1)


class WriteBackConfig(Value):
    """What goes back to the store that the traces came from; nothing does unless it is switched on here.

    `keys` are the evaluators whose scores and labels go back, all of them where it is empty.
    """

    enabled: bool = False
    keys: tuple[str, ...] = ()
    clusters: bool = True
    per_second: float = Field(default=20.0, gt=0)


class SourceConfig(Value):
    """Where traces come from.

    `kind` is one of burnish's own (docs/sources.md) or one that an installed package registers. `path` is a file,
    folder or glob, relative to the project; `endpoint` means POST /v1/traces on `burnish serve`. `url` is the server's
    address, `project` its project (Phoenix, LangSmith) or experiment (MLflow). `api_key_env` and `public_key_env` name
    environment variables: keys never stand in files. `options` is for a kind's own settings.

    The first pull looks back `since_days`; every later one starts `overlap_s` seconds before the newest trace it
    knows, for spans that arrive late. A trace is worked on once it has ended, or nothing of it has come in, for
    `settle_s` seconds (60; 0 where the traces are files). People's feedback is asked for, and burnish's written back,
    on traces of the last `feedback_days`.
    """

    kind: str = Field(default="endpoint", pattern=r"^[a-z][a-z0-9_-]*$")
    path: str | None = None
    url: str | None = None
    project: str | None = None
    environment: str | None = None
    api_key_env: str | None = None
    public_key_env: str | None = None
    since_days: float = Field(default=7.0, gt=0)
    overlap_s: float = Field(default=3600.0, ge=0)
    settle_s: float | None = Field(default=None, ge=0)
    feedback_days: float = Field(default=30.0, ge=0)
    timeout_s: float = Field(default=60.0, gt=0)
    write_back: WriteBackConfig = WriteBackConfig()
    options: dict[str, Json] = {}

    @property
    def settle_after(self) -> dt.timedelta:
        """How long a trace must have been quiet before it is worked on."""
        default = 0.0 if self.path is not None else 60.0
        return dt.timedelta(seconds=default if self.settle_s is None else self.settle_s)


class ModelConfig(Value):
    """An OpenAI-compatible model: of a role (target, judge, proposer), or one more that judges may call by its key.

    Without base_url and key, the environment's; without those, the embedded model.

    `api_key_env` names the environment variable that holds the key: keys never stand in files. Prices are US dollars a
    million tokens. `strong` allows free rewriting of prompts.
    """

    name: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    input_price: float | None = Field(default=None, ge=0)
    output_price: float | None = Field(default=None, ge=0)
    strong: bool = False
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=1024, gt=0)


class TargetConfig(Value):
    """How to run the agent offline.

    kind = "prompt": `prompt` is a file in the agent's repository whose `{{ name }}` variables are replaced from
    `variables` as plain text; it becomes the system message and the example's input the user message. `tools` and
    `response_schema` are JSON files there. kind = "python": `entrypoint` is module:function, called with the
    example's input. kind = "command": `command` is argv, JSON lines on stdin and stdout.
    `environment` is set, `pass_environment` names variables of ours to hand on; nothing else of ours reaches the agent.
    """

    kind: Literal["prompt", "python", "command"] = "prompt"
    prompt: str | None = None
    variables: dict[str, str] = {}
    tools: str | None = None
    response_schema: str | None = None
    entrypoint: str | None = None
    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    pass_environment: tuple[str, ...] = ()
    timeout_s: float = Field(default=120.0, gt=0)
    concurrency: int = Field(default=4, ge=1)


class ClusterConfig(Value):
    """How failing traces are grouped."""

    embedder: str = "wordllama"  # wordllama, tfidf, or openai:<model>
    minimum_size: int = Field(default=3, ge=2)
    summarise: Literal["text", "model"] = "text"
    limit: int = Field(default=500, ge=10)


class ImproveConfig(Value):
    """What may change and what counts as better. `metric` is the evaluator whose score a pull request must raise.

    `failing` is the evaluator that says which production traces fail, where that is not the metric: a judge that
    compares with the baseline (docs/evaluators.md) says nothing of a trace alone. A score under `fail_below` fails.

    `repetitions` runs of every example and arm are averaged: an agent that answers differently from run to run hides
    most gains from a single one (docs/gate.md). 1 is enough for one that always answers alike.
    """

    metric: str
    failing: str | None = None
    fail_below: float = 0.5
    files: tuple[str, ...] = ("prompts/**",)
    candidates: int = Field(default=3, ge=1, le=16)
    dev_limit: int = Field(default=100, ge=1)
    held_out_limit: int = Field(default=150, ge=1)
    repetitions: int = Field(default=3, ge=1)

    @property
    def fails_on(self) -> str:
        """The evaluator whose low scores are failures of production traces."""
        return self.failing or self.metric


class AlignConfig(AlignRule):
    """How judges are improved from labels, and where the project's own files live.

    Without `repository` that is the git repository which the project folder lies in, if it lies in one.
    """

    repository: RepositoryConfig | None = None


class AgentConfig(Value):
    """One agent: `config/agents/<name>.toml`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    repository: RepositoryConfig
    source: SourceConfig = SourceConfig()
    redaction: RedactionRule = RedactionRule()
    limits: LimitRule = LimitRule()
    retention: RetentionRule = RetentionRule()
    target: TargetConfig
    models: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], ModelConfig] = {}
    evaluators: tuple[str, ...] = ()
    improve: ImproveConfig
    cluster: ClusterConfig = ClusterConfig()
    splits: SplitRule = SplitRule()
    gate: GateRule = GateRule()
    suite: SuiteRule = SuiteRule()
    align: AlignConfig = AlignConfig()
    budget: Allowance = Allowance()

    @model_validator(mode="after")
    def _models_usable(self) -> Self:
        for alias, model in self.models.items():
            near = [] if alias in ROLES else difflib.get_close_matches(alias, ROLES, n=1, cutoff=0.7)
            if near:
                raise ValueError(f"unknown key 'models.{alias}'; did you mean '{near[0]}'? Call other models otherwise")
            if alias not in ROLES and (model.name is None or model.base_url is None):
                raise ValueError(
                    f"[models.{alias}] needs name and base_url: it is none of {', '.join(ROLES)}, but a model that "
                    "judges may name"
                )
        return self

    @property
    def fingerprint(self) -> str:
        """Content hash of the whole file, so that a changed setting is visible in what it produced."""
        return content_hash(self.model_dump(mode="json"))


def agent_names(project: Path) -> list[str]:
    """Names of the agents in `project`, sorted."""
    return sorted(path.stem for path in (project / "config" / "agents").glob("*.toml"))


def load_agent(project: Path, name: str) -> AgentConfig:
    """Read `config/agents/<name>.toml`.

    Raises NotFoundError naming the agents there are, ConfigError naming the wrong key and the nearest known one.
    """
    path = project / "config" / "agents" / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(agent_names(project)) or "none yet; `burnish init` writes one"
        raise NotFoundError(f"no agent '{name}': {path} does not exist. Agents here: {known}")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    data.setdefault("name", name)
    try:
        config = AgentConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error
    if config.name != name:
        raise ConfigError(f"{path}: name = '{config.name}' differs from the file's name '{name}'; make them equal")
    shares = config.splits.train + config.splits.dev + config.splits.held_out
    if abs(shares - 1.0) > 1e-9:
        raise ConfigError(f"{path}: [splits] train + dev + held_out is {shares:g}; make it 1")
    return config


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        location = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(item["loc"][-1]), _known_keys(item["loc"][:-1]), n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            lines.append(f"unknown key '{location}'{hint}")
        else:
            lines.append(f"{location}: {item['msg']}")
    return "; ".join(lines)


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = AgentConfig
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        nested = [t for t in (field.annotation, *get_args(field.annotation)) if _is_model(t)]
        if nested:
            model = nested[0]
    return list(model.model_fields)


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
