"""What brings a trace into a queue: small values, each with `matches`.

`weight` is how much such an item teaches beside others (`order` says what it does, benchmarks/annotation_order.py
what it brings). Scores are 0 (bad) to 1 (good).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from burnish.domain.base import Json, Value
from burnish.domain.evaluators.panel import DISAGREEMENT
from burnish.domain.evaluators.sampling import sampled
from burnish.domain.features import Features
from burnish.domain.feedback import MACHINES, Feedback, FeedbackSource
from burnish.domain.listing import TraceSummary

__all__ = [
    "RULES",
    "AnyRule",
    "Candidate",
    "Conflict",
    "Feature",
    "InCluster",
    "LowScore",
    "Panel",
    "Rule",
    "Share",
    "ThumbsDown",
    "UncertainJudge",
]

_EVALUATORS = (*MACHINES, FeedbackSource.EXTERNAL)
# What panels and judges of pairs say of how sure they are stands beside their verdicts and is none of them.
_HOW_SURE = {f".{DISAGREEMENT}": ("agree", "disagree"), ".order": ("agree", "first", "second", "one tie")}
_DOWN = frozenset({"down", "thumbs_down", "thumbs-down", "negative", "bad", "dislike", "no", "false"})


class Candidate(NamedTuple):
    """A trace as rules see it. `clusters` are the failure clusters it is in: their names by id."""

    summary: TraceSummary
    feedback: Sequence[Feedback] = ()
    clusters: Mapping[str, str] = {}
    metadata: Mapping[str, Json] = {}

    def scores(self, keys: Iterable[str], sources: Sequence[FeedbackSource]) -> dict[tuple[str, str, str], float]:
        """The newest score of the trace as a whole by (key, author, version), for keys that fit one of the patterns.

        What says how sure a judge is counts only where its key is written out.
        """
        patterns = list(keys)
        found: dict[tuple[str, str, str], tuple[datetime, float]] = {}
        for item in self.feedback:
            if item.score is None or item.span_id is not None or item.source not in sources:
                continue
            if patterns and not any(fnmatchcase(item.key, pattern) for pattern in patterns):
                continue
            if item.key not in patterns and _says_how_sure(item):
                continue
            at = (item.key, item.author, item.version)
            if at not in found or found[at][0] <= item.created_at:
                found[at] = (item.created_at, item.score)
        return {at: score for at, (_, score) in sorted(found.items(), key=lambda pair: pair[1][0])}

    def newest(self, keys: Iterable[str], sources: Sequence[FeedbackSource]) -> dict[str, float]:
        """The newest score by key, whoever gave it."""
        return {key: score for (key, _, _), score in self.scores(keys, sources).items()}


class Rule(Value):
    """Base of the rules."""

    weight: float = Field(default=0.5, gt=0, le=1)

    def matches(self, candidate: Candidate) -> bool:
        """Whether this brings the trace in."""
        raise NotImplementedError

    @property
    def reason(self) -> str:
        """What the reviewer is told; a few words."""
        raise NotImplementedError


class LowScore(Rule):
    """The newest score of `key` by a check or a judge is under `below`."""

    kind: Literal["low_score"] = "low_score"
    key: str
    below: float = 0.5

    def matches(self, candidate: Candidate) -> bool:
        """Whether it is."""
        return any(score < self.below for score in candidate.newest([self.key], _EVALUATORS).values())

    @property
    def reason(self) -> str:
        """The key and the limit."""
        return f"{self.key} under {self.below:g}"


class Conflict(Rule):
    """Scores contradict each other: one passes (from `threshold` up) what another fails.

    `keys` (patterns) says which are compared; without any, every score on the trace, the agent's user included.
    """

    kind: Literal["conflict"] = "conflict"
    keys: tuple[str, ...] = ()
    threshold: float = 0.5
    weight: float = Field(default=1.0, gt=0, le=1)

    def matches(self, candidate: Candidate) -> bool:
        """Whether they do; the newest score of each key counts."""
        scores = candidate.newest(self.keys, (*_EVALUATORS, FeedbackSource.USER)).values()
        return len({score >= self.threshold for score in scores}) == 2

    @property
    def reason(self) -> str:
        """The keys."""
        return f"scores contradict each other ({', '.join(self.keys) or 'any'})"


class ThumbsDown(Rule):
    """The agent's own user was not content: a score under 0.5, `false`, or a word such as "down"."""

    kind: Literal["thumbs_down"] = "thumbs_down"
    keys: tuple[str, ...] = ()
    weight: float = Field(default=1.0, gt=0, le=1)

    def matches(self, candidate: Candidate) -> bool:
        """Whether one said so."""
        return any(
            item.source is FeedbackSource.USER
            and (not self.keys or any(fnmatchcase(item.key, pattern) for pattern in self.keys))
            and _is_down(item)
            for item in candidate.feedback
        )

    @property
    def reason(self) -> str:
        """That it was so."""
        return "thumbs down by the user"


class InCluster(Rule):
    """A member of a failure cluster: of one with this id (or its beginning) or name, or of any where none is named."""

    kind: Literal["cluster"] = "cluster"
    names: tuple[str, ...] = ()

    def matches(self, candidate: Candidate) -> bool:
        """Whether it is."""
        if not self.names:
            return bool(candidate.clusters)
        return any(
            (len(wanted) >= 6 and cluster_id.startswith(wanted)) or fnmatchcase(name, wanted)
            for cluster_id, name in candidate.clusters.items()
            for wanted in self.names
        )

    @property
    def reason(self) -> str:
        """The cluster, or that there is one."""
        return f"in failure cluster {', '.join(self.names)}" if self.names else "in a failure cluster"


class Feature(Rule, Features):
    """The trace has these features; everything set must hold."""

    kind: Literal["feature"] = "feature"
    metadata: dict[str, Json] = {}
    text: str | None = None  # in the first 200 characters of input or output, whatever the case
    min_spans: int | None = None
    min_tokens: int | None = None

    def matches(self, candidate: Candidate) -> bool:
        """Whether all of them hold."""
        row = candidate.summary
        previews = f"{row.input_preview}\n{row.output_preview}".casefold()
        return (
            self.fits(row)
            and (self.min_spans is None or row.spans >= self.min_spans)
            and (self.min_tokens is None or row.tokens >= self.min_tokens)
            and (self.text is None or self.text.casefold() in previews)
            and all(k in candidate.metadata and candidate.metadata[k] == v for k, v in self.metadata.items())
        )

    @property
    def reason(self) -> str:
        """What is set."""
        told = self.model_dump(exclude_defaults=True, exclude={"kind", "weight", "metadata"}, mode="json")
        words = [*self.metadata.items(), *told.items()]
        return ", ".join(f"{key} {value}" for key, value in words) or "any trace"


class Share(Rule):
    """A random share, by a hash of the trace: of those that pass `key` (at least `at_least`), or of all without it.

    What people say of these is what says how good a judge is: labels on failures alone say nothing of what it misses.
    """

    kind: Literal["share"] = "share"
    share: float = Field(gt=0, le=1)
    key: str | None = None
    at_least: float = 0.5
    weight: float = Field(default=0.25, gt=0, le=1)

    def matches(self, candidate: Candidate) -> bool:
        """Whether it is drawn."""
        if self.key is not None:
            scores = candidate.newest([self.key], _EVALUATORS)
            if not scores or min(scores.values()) < self.at_least:
                return False
        return sampled(f"queue {candidate.summary.trace_id}", self.share)

    @property
    def reason(self) -> str:
        """The share."""
        return f"drawn at random ({self.share:.0%})"


class UncertainJudge(Rule):
    """The judge is not sure: its newest score is within `margin` of `threshold`, or its verdicts disagree.

    Verdicts are those under one key by several versions, models or repetitions.
    """

    kind: Literal["uncertain_judge"] = "uncertain_judge"
    key: str
    threshold: float = 0.5
    margin: float = Field(default=0.2, gt=0)
    weight: float = Field(default=1.0, gt=0, le=1)

    def matches(self, candidate: Candidate) -> bool:
        """Whether it is unsure."""
        verdicts = list(candidate.scores([self.key], (FeedbackSource.JUDGE,)).values())
        if not verdicts:
            return False
        # A float like 0.7 is not exactly 0.2 from 0.5.
        return (
            abs(verdicts[-1] - self.threshold) <= self.margin + 1e-9
            or len({score >= self.threshold for score in verdicts}) == 2
        )

    @property
    def reason(self) -> str:
        """The judge."""
        return f"the judge {self.key} is unsure"


class Panel(Rule):
    """Judges disagree: the highest and the lowest of their newest scores are `spread` or more apart.

    `keys` are patterns, for example ["helpful", "helpful_second"] or ["panel/*"]; the name of a panel stands for its
    members, whose disagreement it tells itself.
    """

    kind: Literal["panel"] = "panel"
    keys: tuple[str, ...] = Field(min_length=1)
    spread: float = Field(default=0.5, gt=0, le=1)
    weight: float = Field(default=1.0, gt=0, le=1)

    def matches(self, candidate: Candidate) -> bool:
        """Whether they do."""
        scores = candidate.newest(self.keys, (FeedbackSource.JUDGE, FeedbackSource.EXTERNAL)).values()
        told = candidate.newest([f"{key}.{DISAGREEMENT}" for key in self.keys], (FeedbackSource.JUDGE,)).values()
        apart = max(scores) - min(scores) if scores else 0.0
        return max([apart, *told]) >= self.spread - 1e-9

    @property
    def reason(self) -> str:
        """The judges."""
        return f"judges disagree ({', '.join(self.keys)})"


AnyRule = Annotated[
    LowScore | Conflict | ThumbsDown | InCluster | Feature | Share | UncertainJudge | Panel,
    Field(discriminator="kind"),
]

RULES: Mapping[str, type[Rule]] = {
    cls.model_fields["kind"].default: cls
    for cls in (LowScore, Conflict, ThumbsDown, InCluster, Feature, Share, UncertainJudge, Panel)
}


def _says_how_sure(item: Feedback) -> bool:
    return any(item.key.endswith(end) and item.value in values for end, values in _HOW_SURE.items())


def _is_down(item: Feedback) -> bool:
    if item.score is not None:
        return item.score < 0.5
    if isinstance(item.value, bool):
        return not item.value
    return item.value is not None and item.value.strip().casefold() in _DOWN
