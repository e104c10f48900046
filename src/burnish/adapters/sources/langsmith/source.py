"""The source of kind `langsmith`: what it reads, whom it hears and where it writes, by the parts of this package."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from burnish.adapters.sources.base import Annotation, Batch, KnownTrace, Window, Written
from burnish.adapters.sources.fields import Item, text_in
from burnish.adapters.sources.http import HttpClient, RefusedError
from burnish.adapters.sources.langsmith.api import LangsmithApi
from burnish.adapters.sources.langsmith.feedback import body_of, changes_of, feedback_of, remote_id_of
from burnish.adapters.sources.langsmith.traces import runs_to_traces
from burnish.adapters.sources.registry import SourceContext
from burnish.adapters.sources.settings import names_in, number_in, refuse_unknown
from burnish.domain.base import utc_now
from burnish.domain.feedback import Feedback
from burnish.errors import ConfigError

__all__ = ["LangsmithSource", "open_langsmith"]

CLOUD = "https://api.smith.langchain.com"
_OPTIONS = ("feedback_keys", "page_size", "user_keys", "workspace_id")
_OF_ITEM = (400, 404, 413, 422)  # statuses that are about what was sent, not about who sends


class LangsmithSource:
    """One LangSmith project.

    `user_keys` are feedback keys that the agent's users give by API; `feedback_keys` those whose changes are looked
    for on runs of the last `feedback_days`.
    """

    name = "langsmith"

    def __init__(
        self,
        api: LangsmithApi,
        agent: str,
        *,
        user_keys: Sequence[str] = (),
        feedback_keys: Sequence[str] = (),
        feedback_days: float = 30.0,
    ) -> None:
        self._api = api
        self._agent = agent
        self._user_keys = frozenset(user_keys)
        self._feedback_keys = tuple(feedback_keys)
        self._feedback_days = feedback_days

    def read_window(self, window: Window) -> Iterator[Batch]:
        """Yield what started in the window: spans of a trace may come in several batches."""
        for runs in self._api.runs(window):
            yield runs_to_traces(runs, self._agent, self.name)

    def read_feedback(self, since: datetime, known: Iterable[KnownTrace]) -> Iterator[Batch]:
        """Yield the project's feedback created since then, whatever run it is on, and what changed under the keys
        that are watched for changes."""
        for given in self._api.feedback_since(since):
            yield self._batch(given)
        if not self._feedback_keys:
            return
        window = Window(start=utc_now() - timedelta(days=self._feedback_days))
        for runs in self._api.rerated_runs(window, since, self._feedback_keys):
            ids = [run_id for run in runs if (run_id := text_in(run, "id")) is not None]
            for given in self._api.feedback_on(ids):
                yield self._batch(given)

    def annotate(self, annotations: Sequence[Annotation]) -> Iterator[Written]:
        """Create each feedback under an id of its own, or change the one that stands under it."""
        for annotation in annotations:
            yield self._write(annotation)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _write(self, annotation: Annotation) -> Written:
        feedback = annotation.feedback
        remote_id = annotation.remote_id or remote_id_of(feedback)
        try:
            if annotation.remote_id is None or not self._updated(remote_id, feedback):
                # 409: it was written before, and that was not recorded.
                if not self._api.create_feedback(body_of(feedback, self._api.project_id)):
                    self._api.update_feedback(remote_id_of(feedback), changes_of(feedback))
                remote_id = remote_id_of(feedback)
        except RefusedError as error:
            if error.status not in _OF_ITEM:
                raise
            return Written(feedback_id=feedback.id, remote_id=annotation.remote_id, problem=str(error))
        return Written(feedback_id=feedback.id, remote_id=remote_id)

    def _updated(self, remote_id: str, feedback: Feedback) -> bool:
        """Whether it stands there, now as it should; somebody may have deleted it."""
        try:
            self._api.update_feedback(remote_id, changes_of(feedback))
        except RefusedError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _batch(self, given: list[Item]) -> Batch:
        return Batch.of_feedback(feedback_of(one, self._user_keys) for one in given)


def open_langsmith(context: SourceContext, connect: Callable[..., HttpClient] = HttpClient) -> LangsmithSource:
    """The source of kind `langsmith`. Raises ConfigError where the key or the project is missing."""
    config = context.config
    refuse_unknown(context, _OPTIONS)
    project = context.need_project("the name or the id of a tracing project")
    key = context.secret(config.api_key_env, "LANGSMITH_API_KEY")
    if not key:
        raise ConfigError(
            f"{context.where}: LangSmith wants a key; set LANGSMITH_API_KEY, or name another variable with api_key_env"
        )
    headers = {"x-api-key": key}
    workspace = names_in(context, "workspace_id")
    if workspace:
        headers["X-Tenant-Id"] = workspace[0]
    # Given with /api or /api/v1 at its end, as self-hosted servers are, or without, as the Cloud is.
    url = context.url(context.environ("LANGSMITH_ENDPOINT") or CLOUD)
    older = next((ending for ending in ("/api/v1", "/api") if url.endswith(ending)), "")
    api = LangsmithApi(
        connect(
            url.removesuffix(older),
            headers=headers,
            timeout_s=config.timeout_s,
            key_advice=context.key_advice(config.api_key_env, "LANGSMITH_API_KEY"),
        ),
        project,
        older=older,
        page_size=number_in(context, "page_size", 1000, 1, 1000),
    )
    return LangsmithSource(
        api,
        context.agent,
        user_keys=names_in(context, "user_keys"),
        feedback_keys=names_in(context, "feedback_keys"),
        feedback_days=max(config.feedback_days, 0.01),
    )
