"""LangSmith runs to traces: grouped by trace id, with what identifies the trace."""

from collections.abc import Iterable

from burnish.adapters.sources.base import Batch, Problem
from burnish.adapters.sources.fields import Item, text_in
from burnish.adapters.sources.langsmith.runs import map_run, metadata_of
from burnish.domain.base import Json
from burnish.domain.exchange import exchange
from burnish.domain.traces import Span, SpanStatus, Trace

__all__ = ["runs_to_traces"]

_SESSION = ("thread_id", "session_id", "conversation_id")
_USER = ("user_id", "user", "end_user_id")
_ENVIRONMENT = ("environment", "env", "deployment_environment")
_RELEASE = ("revision_id", "release", "version")
_PROMPT_NAME = ("lc_hub_repo", "prompt_name")
_PROMPT_VERSION = ("lc_hub_commit_hash", "prompt_version")
_NO_METADATA = "ls_"  # LangSmith's own: model, provider and settings of a call


def runs_to_traces(runs: Iterable[Item], agent: str, source: str) -> Batch:
    """Traces, or parts of them, from runs."""
    grouped: dict[str, dict[str, tuple[Item, Span]]] = {}
    problems: list[Problem] = []
    for run in runs:
        span = map_run(run)
        if isinstance(span, Problem):
            problems.append(span)
        else:
            grouped.setdefault(span.trace_id, {})[span.span_id] = (run, span)
    return Batch([_trace(list(members.values()), agent, source) for members in grouped.values()], problems)


def _trace(members: list[tuple[Item, Span]], agent: str, source: str) -> Trace:
    members = sorted(members, key=lambda pair: (pair[1].started_at, pair[1].parent_id is not None))
    spans = tuple(span for _, span in members)
    top = next((i for i, span in enumerate(spans) if span.parent_id is None), None)
    runs = [members[top][0]] if top is not None else []
    runs.extend(run for run, _ in members)
    # A part without its root cannot say what the agent was asked; the part that has it will.
    asked, answered = exchange(spans[top], spans) if top is not None else (None, None)
    root = spans[top] if top is not None else spans[0]
    ends = [span.ended_at for span in spans if span.ended_at is not None]
    metadata = [metadata_of(run) for run in runs]
    return Trace(
        trace_id=root.trace_id,
        agent=agent,
        source=source,
        name=root.name,
        started_at=spans[0].started_at,
        ended_at=max(ends, default=None),
        status=root.status if top is not None else SpanStatus.UNSET,
        status_message=root.status_message if top is not None else None,
        input=asked,
        output=answered,
        session_id=_first(runs, ("thread_id",)) or _first(metadata, _SESSION),
        user_id=_first(metadata, _USER),
        environment=_first(metadata, _ENVIRONMENT),
        release=_first(metadata, _RELEASE),
        prompt_name=_first(metadata, _PROMPT_NAME),
        prompt_version=_first(metadata, _PROMPT_VERSION),
        metadata=_told(runs[0], metadata[0]) if top is not None else {},
        spans=spans,
    )


def _first(items: list[Item], names: tuple[str, ...]) -> str | None:
    return next((text for item in items if (text := text_in(item, *names)) is not None), None)


def _told(run: Item, metadata: Item) -> dict[str, Json]:
    told: dict[str, Json] = {
        key: value for key, value in metadata.items() if not key.startswith(_NO_METADATA) and value is not None
    }
    if isinstance(run.get("tags"), list) and run["tags"]:
        told["tags"] = run["tags"]
    return told
