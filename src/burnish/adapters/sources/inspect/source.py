"""The source of kind `inspect`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.files import find_files, read_files
from burnish.adapters.sources.inspect.archive import LoggedSample, read_log
from burnish.adapters.sources.inspect.conversation import Conversation
from burnish.adapters.sources.inspect.samples import sample_trace
from burnish.adapters.sources.inspect.scores import sample_feedback
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.base import Json
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.traces import Trace
from burnish.errors import ConfigError

__all__ = ["InspectSource", "open_inspect"]

Target = Literal["metadata", "correction"]

_BATCH_SAMPLES = 50
_SUFFIXES = (".eval", ".json")
_NO_LOGS = ("logs.json", "eval-set.json", "listing.json")  # what Inspect writes beside its logs


class InspectSource:
    """Samples of Inspect logs: a file, those below a folder, or those of a glob.

    A sample's target is metadata (`inspect.target`): depending on the scorer it is what the agent should have said, one
    of several such texts, or a rule for a grader. With `target="correction"` the first text of it is taken as what a
    person says the output should have been, so that samples become examples.
    """

    name = "inspect"

    def __init__(self, path: Path, agent: str, target: Target = "metadata") -> None:
        self._path = path
        self._agent = agent
        self._target = target

    def files(self) -> tuple[list[Path], list[Problem]]:
        """The logs that the path means now, and what is wrong with it."""
        found, problems = find_files(self._path, _SUFFIXES)
        return [file for file in found if file.name not in _NO_LOGS], problems

    def read(self) -> Iterator[Batch]:
        """Yield batches of at most 50 samples; one sample is in memory as JSON at a time."""
        return read_files(self)

    def read_file(self, path: Path) -> Iterator[Batch]:
        """Yield what one log holds."""
        traces: list[Trace] = []
        problems: list[Problem] = []
        feedback: list[Feedback] = []
        for found in read_log(path):
            one = Batch([], [found]) if isinstance(found, Problem) else self.map_sample(found)
            traces.extend(one.traces)
            problems.extend(one.problems)
            feedback.extend(one.feedback)
            if len(traces) + len(problems) >= _BATCH_SAMPLES:
                yield Batch(traces, problems, feedback)
                traces, problems, feedback = [], [], []
        if traces or problems:
            yield Batch(traces, problems, feedback)

    def map_sample(self, found: LoggedSample) -> Batch:
        """The trace of a sample with what was said of it, or why there is none."""
        try:
            trace, feedback = self._sample(found)
        except (ValueError, RecursionError, OverflowError) as error:
            return Batch([], [Problem(where=found.where, reason=f"not a sample that can be read: {error}")])
        return Batch([trace], [], feedback)

    def _sample(self, found: LoggedSample) -> tuple[Trace, list[Feedback]]:
        conversation = Conversation(found.sample)
        trace = sample_trace(found.evaluation, found.sample, conversation, self._agent, self.name)
        at = trace.ended_at or trace.started_at
        feedback = sample_feedback(trace.trace_id, found.sample, conversation, at)
        expected = _first_text(trace.metadata.get("inspect.target"))
        if self._target == "correction" and expected:
            feedback.append(
                Feedback(
                    trace_id=trace.trace_id,
                    key="target",
                    source=FeedbackSource.HUMAN,
                    correction=expected,
                    author="dataset",
                    created_at=at,
                )
            )
        return trace, feedback


def _first_text(target: Json) -> str | None:
    first = target[0] if isinstance(target, list) and target else target
    return first.strip() or None if isinstance(first, str) else None


def open_inspect(context: SourceContext) -> InspectSource:
    """The source of kind `inspect`. Raises ConfigError where `options` hold something else than `target`."""
    options = context.config.options
    unknown = sorted(set(options) - {"target"})
    if unknown:
        raise ConfigError(f"{context.where}: [source.options] has '{unknown[0]}'; kind = 'inspect' knows target")
    target = options.get("target", "metadata")
    if target not in ("metadata", "correction"):
        raise ConfigError(f"{context.where}: options.target = {target!r}; it is 'metadata' or 'correction'")
    return InspectSource(context.path(), context.agent, "correction" if target == "correction" else "metadata")
