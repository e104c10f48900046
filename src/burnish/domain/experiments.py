"""Experiments: one version of an agent over one dataset, run by run, with what could not be measured kept apart."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from burnish.domain.base import Json, UtcDatetime, Value, content_hash
from burnish.domain.datasets import Example, Split
from burnish.domain.proposals import Edit
from burnish.domain.traces import Trace

__all__ = ["AgentVersion", "Arm", "Experiment", "Run", "RunKey", "RunOutcome", "RunStatus", "Target"]


class RunStatus(StrEnum):
    """OK: the agent answered. AGENT_FAILURE: it raised or answered nothing, which counts as a wrong answer.

    UNMEASURED: rate limit, time-out, crash of the harness: says nothing about the agent and never becomes a score.
    """

    OK = "ok"
    AGENT_FAILURE = "agent_failure"
    UNMEASURED = "unmeasured"


class AgentVersion(Value):
    """A version of the agent as files on disk. `id` is a content hash of what may change (commit and edits)."""

    id: str
    root: Path
    commit: str
    label: str

    @staticmethod
    def id_for(commit: str, edits: Sequence[Edit]) -> str:
        """The same edits on the same commit are the same version, whoever asks for them."""
        return content_hash(commit, [edit.model_dump() for edit in edits])


class RunOutcome(Value):
    """What a target gives back for one example: the output, the trace it left, or why there is none."""

    status: RunStatus
    output: Json = None
    error: str | None = None
    trace: Trace | None = None


class Target(Protocol):
    """The way to run the agent at a version."""

    async def run(self, version: AgentVersion, example: Example, salt: str) -> RunOutcome:
        """Run the agent once. `salt` separates repetitions and nights in the model cache.

        An exception of the agent is an AGENT_FAILURE, a broken harness an UNMEASURED outcome; both are values.
        Raises TargetError where no run can ever work (no such prompt file) and BudgetExceededError.
        """
        ...


class RunKey(Value):
    """What makes a run the same run, so that a second start finds it done."""

    experiment_id: str
    arm: str
    example_id: str
    repetition: int = 0


class Run(Value):
    """One version on one example, with its scores by evaluator key and the evaluators that failed.

    `compared` names metrics that judge the run beside the baseline's on the same example: there 1 is better than the
    baseline, 0 worse, and the baseline itself has 0.5 by definition. Such a score says nothing without the other arm.
    """

    key: RunKey
    version_id: str
    status: RunStatus
    output: Json = None
    error: str | None = None
    trace_id: str | None = None
    latency_s: float | None = None
    cost_usd: float | None = None
    tokens: int | None = None
    scores: dict[str, float] = {}
    evaluator_failures: dict[str, str] = {}
    compared: tuple[str, ...] = ()

    def score(self, metric: str) -> float | None:
        """The metric of this run, 0 for an agent failure, None where it is unmeasured.

        A comparison with the baseline says for itself what a failure is worth: beside another failure it is a tie.
        """
        if self.status is RunStatus.AGENT_FAILURE:
            return self.scores.get(metric, 0.0) if metric in self.compared else 0.0
        if self.status is RunStatus.UNMEASURED:
            return None
        return self.scores.get(metric)


class Arm(Value):
    """One side of an experiment."""

    name: str
    version: AgentVersion


class Experiment(Value):
    """Several arms over the same examples of one split, interleaved, with the same evaluators."""

    id: str
    agent: str
    night: str
    split: Split | Literal["suite"]  # the permanent suite is no split of a dataset
    arms: tuple[str, ...]
    versions: dict[str, str]
    dataset_fingerprint: str
    metric: str
    repetitions: int = 1
    created_at: UtcDatetime

    @staticmethod
    def id_for(
        agent: str,
        night: str,
        split: Split | Literal["suite"],
        versions: dict[str, str],
        fingerprint: str,
        evaluators: str,
    ) -> str:
        """The same night, versions, examples and evaluators are the same experiment: resumed, never repeated."""
        return content_hash(agent, night, str(split), versions, fingerprint, evaluators)
