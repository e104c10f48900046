"""The source of kind `langfuse`: what it reads, whom it hears and where it writes, by the parts of this package."""

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from burnish.adapters.sources.base import Annotation, Batch, KnownTrace, Problem, Window, Written
from burnish.adapters.sources.http import HttpClient
from burnish.adapters.sources.langfuse.api import LangfuseApi
from burnish.adapters.sources.langfuse.scores import feedback_of
from burnish.adapters.sources.langfuse.traces import observations_to_traces, whole_trace
from burnish.adapters.sources.langfuse.writing import ScoreWriter
from burnish.adapters.sources.registry import SourceContext
from burnish.adapters.sources.settings import names_in, number_in, refuse_unknown
from burnish.domain.traces import Trace
from burnish.errors import ConfigError

__all__ = ["LangfuseSource", "open_langfuse"]

CLOUD = "https://cloud.langfuse.com"
PUBLIC, SECRET = "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"
_OPTIONS = ("expand_metadata", "page_size", "user_scores")
_EDITED_DAYS = 14  # an edited annotation keeps the timestamp it is asked by: people's scores are asked for further back


class LangfuseSource:
    """One Langfuse project."""

    name = "langfuse"

    def __init__(self, api: LangfuseApi, agent: str, user_scores: Sequence[str] = ()) -> None:
        self._api = api
        self._agent = agent
        self._user_scores = frozenset(user_scores)
        self._writer = ScoreWriter(api)

    def read_window(self, window: Window) -> Iterator[Batch]:
        """Yield what started in the window: spans of a trace may come in several batches."""
        for version, items in self._api.window(window):
            if version == 2:
                yield observations_to_traces(items, self._agent, self.name)
                continue
            traces: list[Trace] = []
            problems: list[Problem] = []
            for item in items:
                trace, unread = whole_trace(item, self._agent, self.name)
                problems.extend(unread)
                if trace is not None:
                    traces.append(trace)
            yield Batch(traces, problems)

    def read_feedback(self, since: datetime, known: Iterable[KnownTrace]) -> Iterator[Batch]:
        """Yield scores since then, whatever trace they are on; people's from two weeks before, since they edit."""
        for source in ("ANNOTATION", "API", "EVAL"):
            start = since - timedelta(days=_EDITED_DAYS) if source == "ANNOTATION" else since
            for scores in self._api.scores(start, source):
                yield Batch.of_feedback(feedback_of(score, self._user_scores) for score in scores)

    def annotate(self, annotations: Sequence[Annotation]) -> Iterator[Written]:
        """Write scores; a score that is written again replaces itself."""
        return self._writer.write(annotations)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def open_langfuse(context: SourceContext, connect: Callable[..., HttpClient] = HttpClient) -> LangfuseSource:
    """The source of kind `langfuse`. Raises ConfigError where a key is missing or an option is wrong."""
    config = context.config
    refuse_unknown(context, _OPTIONS)
    public = context.secret(config.public_key_env, PUBLIC)
    secret = context.secret(config.api_key_env, SECRET)
    if not public or not secret:
        raise ConfigError(
            f"{context.where}: Langfuse wants a key pair; set {PUBLIC} and {SECRET}, or name "
            "other variables with public_key_env and api_key_env"
        )
    pair = base64.b64encode(f"{public}:{secret}".encode()).decode()
    http = connect(
        context.url(context.environ("LANGFUSE_BASE_URL") or context.environ("LANGFUSE_HOST") or CLOUD),
        headers={"Authorization": f"Basic {pair}"},
        timeout_s=config.timeout_s,
        attempts=4,
        key_advice=f"check the key pair in {config.public_key_env or PUBLIC} and {config.api_key_env or SECRET}",
    )
    api = LangfuseApi(
        http,
        environment=config.environment,
        expand_metadata=",".join(names_in(context, "expand_metadata")) or None,
        page_size=number_in(context, "page_size", 500, 1, 1000),
    )
    return LangfuseSource(api, context.agent, names_in(context, "user_scores"))
