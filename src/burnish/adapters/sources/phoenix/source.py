"""The source of kind `phoenix`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from burnish.adapters.sources.base import Annotation, Batch, KnownTrace, Problem, Window, Written
from burnish.adapters.sources.fields import text_in
from burnish.adapters.sources.http import HttpClient, RefusedError
from burnish.adapters.sources.otlp import spans_to_traces
from burnish.adapters.sources.paging import Page, read_pages
from burnish.adapters.sources.phoenix.feedback import as_annotation, read_annotation
from burnish.adapters.sources.phoenix.mapping import raw_spans
from burnish.adapters.sources.registry import SourceContext
from burnish.domain.base import Json
from burnish.domain.feedback import Feedback
from burnish.errors import SourceError

__all__ = ["PhoenixSource", "open_phoenix"]

_PAGE = 1000  # the most spans that Phoenix gives at once
_ASKED = 150  # ids in one request: they stand in its address, and proxies cut off at 8 KB
_WRITTEN = 100
_MOST_ANNOTATIONS = 10_000
_SLACK = timedelta(hours=1)  # between Phoenix's clock and ours
_ABOUT_ONE = (400, 404, 422)  # refusals that concern an annotation, not the key or the server


class PhoenixSource:
    """One project of a Phoenix server."""

    name = "phoenix"

    def __init__(self, client: HttpClient, project: str, agent: str, *, page: int = _PAGE) -> None:
        self._client = client
        self._page = page
        self._project = f"/v1/projects/{quote(project, safe='')}"
        self._agent = agent

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def read_window(self, window: Window) -> Iterator[Batch]:
        """Yield the spans that started in the window, a page a batch, in the order in which Phoenix stored them.

        By that order nothing is missed where spans come in meanwhile, however late: they go to the end. Raises
        SourceError.
        """
        asked: dict[str, str | int] = {"limit": self._page, "sort": "id", "order": "asc"}
        asked["start_time"] = window.start.isoformat()
        if window.end is not None:
            asked["end_time"] = window.end.isoformat()
        for items in self._pages("spans", asked):
            raws, problems = raw_spans(items)
            batch = spans_to_traces(raws, self._agent, self.name)
            yield Batch(batch.traces, problems + batch.problems, batch.feedback)

    def read_feedback(self, since: datetime, known: Iterable[KnownTrace]) -> Iterator[Batch]:
        """Yield what was annotated on the known traces and their spans since then. Raises SourceError.

        Phoenix has no list of annotations by time: it is asked about every span. Annotations of sessions name no trace
        and are left out.
        """
        waiting: dict[str, str] = {}
        traces: list[str] = []
        for trace_id, span_ids in known:
            traces.append(trace_id)
            waiting |= dict.fromkeys(span_ids, trace_id)
            if len(waiting) >= _ASKED or len(traces) >= _ASKED:
                yield self._annotated(since, traces, waiting)
                waiting, traces = {}, []
        if traces:
            yield self._annotated(since, traces, waiting)

    def annotate(self, annotations: Sequence[Annotation]) -> Iterator[Written]:
        """Write annotations, a hundred at a time; Phoenix replaces those that it has. Raises SourceError."""
        for kind in ("span", "trace"):
            items = [item for item in annotations if (item.feedback.span_id is not None) == (kind == "span")]
            for start in range(0, len(items), _WRITTEN):
                yield from self._write(kind, items[start : start + _WRITTEN])

    def _pages(self, path: str, asked: dict[str, Any]) -> Iterator[list[Json]]:
        def fetch(cursor: str | None) -> Page[Json]:
            answer = self._client.get(f"{self._project}/{path}", asked | ({"cursor": cursor} if cursor else {}))
            if not isinstance(answer, dict) or not isinstance(items := answer.get("data"), list):
                raise SourceError(f"{self._client.base_url}{self._project}/{path} did not answer as Phoenix does")
            return Page(items, text_in(answer, "next_cursor"))

        return read_pages(fetch, f"Phoenix ({path})")

    def _annotated(self, since: datetime, traces: list[str], spans: dict[str, str]) -> Batch:
        found: list[Feedback] = []
        problems: list[Problem] = []
        of_trace = dict(zip(traces, traces, strict=True))
        for kind, known in (("span", spans), ("trace", of_trace)):
            ids = list(known)
            for start in range(0, len(ids), _ASKED):
                asked = {f"{kind}_ids": ids[start : start + _ASKED], "limit": _MOST_ANNOTATIONS}
                for page in self._pages(f"{kind}_annotations", asked):
                    for item in page:
                        read = read_annotation(item, kind, known)
                        if isinstance(read, Problem):
                            problems.append(read)
                        elif read is not None and read.created_at >= since - _SLACK:
                            found.append(read)
        return Batch([], problems, found)

    def _write(self, kind: str, items: Sequence[Annotation]) -> Iterator[Written]:
        body: Json = {"data": [as_annotation(item.feedback) for item in items]}
        try:
            # Without `sync` Phoenix drops what it cannot place, and says nothing.
            answer = self._client.call("POST", f"/v1/{kind}_annotations", params={"sync": "true"}, json=body)
        except RefusedError as error:
            if error.status not in _ABOUT_ONE:
                raise
            if len(items) == 1:
                yield Written(feedback_id=items[0].feedback.id, problem=str(error))
                return
            for item in items:  # one span that Phoenix has not (any more) fails them all
                yield from self._write(kind, [item])
            return
        made = answer.get("data") if isinstance(answer, dict) else None
        ids = [entry.get("id") if isinstance(entry, dict) else None for entry in made] if isinstance(made, list) else []
        if len(ids) != len(items):
            raise SourceError(f"Phoenix took {len(items)} annotations and named {len(ids)}; write back again later")
        for item, remote in zip(items, ids, strict=True):
            yield Written(feedback_id=item.feedback.id, remote_id=str(remote))


def open_phoenix(context: SourceContext) -> PhoenixSource:
    """The source of kind `phoenix`; the key is PHOENIX_API_KEY where the config names no variable."""
    key = context.secret(context.config.api_key_env, "PHOENIX_API_KEY")
    client = HttpClient(
        context.url("http://localhost:6006"),
        headers={"Authorization": f"Bearer {key}"} if key else None,
        timeout_s=context.config.timeout_s,
        key_advice=context.key_advice(context.config.api_key_env, "PHOENIX_API_KEY"),
    )
    return PhoenixSource(client, context.config.project or "default", context.agent)
