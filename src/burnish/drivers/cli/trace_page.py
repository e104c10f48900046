"""One trace on the terminal."""

import json
from collections.abc import Mapping, Sequence

from rich.text import Text

from burnish.domain.base import Json
from burnish.domain.feedback import EvaluatorFailure, Feedback
from burnish.domain.traces import ImagePart, Message, ReasoningPart, Span, TextPart, ToolCallPart, Trace
from burnish.drivers.cli.output import Column, console, heading, print_text, table
from burnish.drivers.figures import count, duration, moment, money, readable, score
from burnish.drivers.span_tree import span_tree
from burnish.drivers.visible import one_line, shorten, visible

__all__ = ["print_trace"]

CUT = 2_000
ROLES = {"system": "magenta", "user": "cyan", "assistant": "green", "tool": "yellow"}


def print_trace(
    trace: Trace, feedback: Sequence[Feedback], failures: Sequence[EvaluatorFailure], *, full: bool
) -> None:
    """Everything about a trace; texts over 2,000 characters are cut unless `full`."""
    _head(trace)
    messages = trace.messages()
    if messages:
        for message in messages:
            _message(message, full)
    else:
        _block("input", trace.input, full)
        _block("output", trace.output, full)
    _steps(trace)
    _scores(feedback, failures, {span.span_id: span.name for span in trace.spans})


def _head(trace: Trace) -> None:
    out = console()
    out.print(Text(visible(trace.name), style="bold"), Text(trace.trace_id, style="dim"))
    facts = [
        trace.agent,
        moment(trace.started_at) + " UTC",
        duration(trace.latency_s),
        f"{count(trace.usage.total)} tokens",
        money(trace.cost_usd),
        *(f"{name} {value}" for name, value in _named(trace) if value),
    ]
    out.print(Text(one_line(" · ".join(facts)), style="dim"))
    if trace.error is not None:
        print_text(f"error: {trace.error}", style="red")


def _named(trace: Trace) -> list[tuple[str, str | None]]:
    return [
        ("session", trace.session_id),
        ("user", trace.user_id),
        ("in", trace.environment),
        ("release", trace.release),
        ("prompt", trace.prompt_version),
        ("model", trace.model),
    ]


def _message(message: Message, full: bool) -> None:
    console().print(Text(f"\n{visible(message.role)}", style=f"bold {ROLES.get(message.role, '')}".strip()))
    for part in message.parts:
        if isinstance(part, TextPart):
            _print_cut(part.text, full)
        elif isinstance(part, ReasoningPart):
            _print_cut(part.text, full, style="dim italic")
        elif isinstance(part, ToolCallPart):
            _print_cut(f"→ {part.name} {_compact(part.arguments)}", full, style="yellow")
        elif isinstance(part, ImagePart):
            _print_cut(f"[image {part.uri}]", full, style="dim")
        else:
            _print_cut(f"← {_compact(part.result)}", full, style="yellow")


def _compact(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _block(title: str, value: Json, full: bool) -> None:
    if value is not None:
        heading(title)
        _print_cut(readable(value), full)


def _print_cut(text: str, full: bool, style: str = "") -> None:
    shown, left = (text, 0) if full else shorten(text, CUT)
    print_text(shown, style=style, indent=2)
    if left:
        print_text(f"… {left:,} characters more; --full shows them", style="dim", indent=2)


def _steps(trace: Trace) -> None:
    if not trace.spans:
        return
    heading(f"steps ({len(trace.spans)})")
    table(
        [
            Column("step", flexible=True),
            Column("kind"),
            Column("took", right=True),
            Column("tokens", right=True),
            Column("status"),
        ],
        [
            (
                Text("  " * row.depth + one_line(row.span.name), no_wrap=True, overflow="ellipsis"),
                row.span.kind.value,
                duration(row.span.latency_s),
                count(row.span.usage.total) if row.span.usage is not None else "",
                _status(row.span),
            )
            for row in span_tree(trace)
        ],
    )


def _status(span: Span) -> Text:
    if span.status.value == "error":
        return Text(one_line(f"error {span.status_message or ''}"), style="red", no_wrap=True, overflow="ellipsis")
    return Text(span.status.value, style="dim")


def _scores(feedback: Sequence[Feedback], failures: Sequence[EvaluatorFailure], steps: Mapping[str, str]) -> None:
    if feedback:
        heading("scores and reviews")
        table(
            [
                Column("key"),
                Column("score", right=True),
                Column("value"),
                Column("from"),
                Column("comment", flexible=True),
                Column("correction", flexible=True),
            ],
            [
                (
                    f"{item.key} on {step}" if (step := steps.get(item.span_id or "")) else item.key,
                    score(item.score),
                    "" if item.value is None else str(item.value),
                    f"{item.source.value} {item.author}",
                    item.comment or "",
                    readable(item.correction),
                )
                for item in feedback
            ],
        )
    if failures:
        heading("evaluators that could not say")
        for failure in failures:
            print_text(f"{failure.evaluator}: {failure.error}: {failure.message}", style="red", indent=2)
