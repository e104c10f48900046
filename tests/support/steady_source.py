"""A store of traces that holds one span every so many seconds, made up when it is asked for: any size in no memory.

`open_steady` is the source of the kind `steady`, which `installed` registers as an installed package would.
"""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from burnish.adapters.sources import SourceContext
from burnish.adapters.sources.base import Annotation, Batch, Window, Written
from burnish.domain.traces import Span, SpanKind, Trace
from burnish.errors import SourceError

__all__ = ["SteadySource", "installed", "open_steady"]

SPANS_A_TRACE = 4


class SteadySource:
    """`count` spans from `start` on, one every `step_s` seconds, four a trace.

    A page takes `page_s` seconds. After `fail_after` pages SourceError. What is written back is appended to `log`,
    a line an annotation.
    """

    name = "steady"

    def __init__(
        self,
        start: dt.datetime,
        count: int,
        step_s: float,
        *,
        agent: str = "desk",
        page: int = 1000,
        page_s: float = 0.0,
        fail_after: int | None = None,
        log: Path | None = None,
    ) -> None:
        self._start = start
        self._count = count
        self._step = dt.timedelta(seconds=step_s)
        self._agent = agent
        self._page = page
        self._page_s = page_s
        self._fail_after = fail_after
        self._log = log
        self.pages = 0

    def read_window(self, window: Window) -> Iterator[Batch]:
        first = max(0, -((self._start - window.start) // self._step))
        last = self._count if window.end is None else min(self._count, -((self._start - window.end) // self._step))
        for at in range(first, last, self._page):
            if self._fail_after is not None and self.pages >= self._fail_after:
                raise SourceError("the steady store is gone; try again")
            time.sleep(self._page_s)
            self.pages += 1
            yield self._batch(range(at, min(at + self._page, last)))

    def close(self) -> None:
        """Nothing is open."""

    def annotate(self, annotations: Sequence[Annotation]) -> Iterator[Written]:
        for one in annotations:
            time.sleep(self._page_s)
            if self._log is not None:
                with self._log.open("a") as log:
                    log.write(f"{one.feedback.id}\n")
            yield Written(feedback_id=one.feedback.id, remote_id=f"r-{one.feedback.id}")

    def _batch(self, numbers: range) -> Batch:
        spans: dict[int, list[Span]] = {}
        for number in numbers:
            spans.setdefault(number // SPANS_A_TRACE, []).append(self._span(number))
        return Batch(
            [
                Trace(
                    trace_id=f"{one:032x}", agent=self._agent, source=self.name, name="run",
                    started_at=items[0].started_at, ended_at=items[-1].ended_at, input=f"question {one}",
                    output="an answer", spans=tuple(items),
                )
                for one, items in spans.items()
            ],
            [],
        )  # fmt: skip

    def _span(self, number: int) -> Span:
        trace, position = divmod(number, SPANS_A_TRACE)
        started = self._start + number * self._step
        return Span(
            trace_id=f"{trace:032x}",
            span_id=f"{number:016x}",
            parent_id=f"{trace * SPANS_A_TRACE:016x}" if position else None,
            name="step" if position else "run",
            kind=SpanKind.LLM if position else SpanKind.AGENT,
            started_at=started,
            ended_at=started + self._step,
        )


def open_steady(context: SourceContext) -> SteadySource:
    """The source of kind `steady`; [source.options] are the arguments of SteadySource.

    `pace` is a file that says how long a page takes: how quick a server is today is no part of what is asked of it.
    """
    options: dict[str, object] = dict(context.config.options)
    start = dt.datetime.fromisoformat(str(options.pop("start")))
    log, pace = options.pop("log", None), options.pop("pace", None)
    options["page_s"] = 0.0 if pace is None else float(Path(str(pace)).read_text())
    return SteadySource(start, agent=context.agent, log=None if log is None else Path(str(log)), **options)  # type: ignore[arg-type]


def installed(folder: Path) -> Path:
    """A folder for PYTHONPATH in which the kind `steady` is registered, as pip leaves it."""
    info = folder / "steady-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: steady\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[burnish.sources]\nsteady = support.steady_source:open_steady\n")
    return folder
