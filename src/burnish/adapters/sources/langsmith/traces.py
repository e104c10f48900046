"""LangSmith runs to traces: grouped by trace id, with what identifies the trace."""

from collections.abc import Iterable

from burnish.adapters.sources.base import Batch
from burnish.adapters.sources.fields import Item, fit_to_keep, text_in
from burnish.adapters.sources.gathering import gathered, grouped, trace_of
from burnish.adapters.sources.langsmith.runs import map_run, metadata_of
from burnish.domain.base import Json
from burnish.domain.traces import Span, Trace

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
    traces, problems = grouped(runs, map_run)
    return Batch([_trace(members, agent, source) for members in traces], problems)


def _trace(members: list[tuple[Item, Span]], agent: str, source: str) -> Trace:
    found = gathered(members)
    metadata = [metadata_of(run) for run in found.items]
    return trace_of(
        found,
        agent,
        source,
        {
            "session_id": _first(found.items, ("thread_id",)) or _first(metadata, _SESSION),
            "user_id": _first(metadata, _USER),
            "environment": _first(metadata, _ENVIRONMENT),
            "release": _first(metadata, _RELEASE),
            "prompt_name": _first(metadata, _PROMPT_NAME),
            "prompt_version": _first(metadata, _PROMPT_VERSION),
            "metadata": _told(found.items[0], metadata[0]) if found.top is not None else {},
        },
    )


def _first(items: list[Item], names: tuple[str, ...]) -> str | None:
    return next((text for item in items if (text := text_in(item, *names)) is not None), None)


def _told(run: Item, metadata: Item) -> dict[str, Json]:
    told: dict[str, Json] = {
        key: value for key, value in metadata.items() if not key.startswith(_NO_METADATA) and value is not None
    }
    if isinstance(run.get("tags"), list) and run["tags"]:
        told["tags"] = run["tags"]
    return fit_to_keep(told)
