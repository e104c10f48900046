"""Release and main model of traces, for lists that are filtered by them; indices to what people said, and to wrong
passwords by where they came from."""

import zlib
from collections import defaultdict
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from burnish.domain.base import bare, built
from burnish.domain.traces import Span, SpanKind, Trace, Usage

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BATCH = 200
_BEFORE = {
    "ix_traces_agent_started_at_trace_id_origin": ["agent", "started_at", "trace_id", "origin"],
    "ix_traces_started_at_trace_id_origin": ["started_at", "trace_id", "origin"],
}
_MORE = ["release", "model"]


def upgrade() -> None:
    op.add_column("traces", sa.Column("release", sa.Text(), nullable=True))
    op.add_column("traces", sa.Column("model", sa.Text(), nullable=True))
    _fill(op.get_bind())
    for name, columns in _BEFORE.items():
        op.drop_index(name, "traces")
        op.create_index("_".join([name, *_MORE]), "traces", [*columns, *_MORE])
    people = sa.text("source IN ('human', 'user')")
    op.create_index("ix_feedback_people", "feedback", ["key", "trace_id"], sqlite_where=people, postgresql_where=people)
    op.create_index("ix_login_failures_origin_last_at", "login_failures", ["origin", "last_at"])


def downgrade() -> None:
    op.drop_index("ix_login_failures_origin_last_at", "login_failures")
    op.drop_index("ix_feedback_people", "feedback")
    for name, columns in _BEFORE.items():
        op.drop_index("_".join([name, *_MORE]), "traces")
        op.create_index(name, "traces", columns)
    op.drop_column("traces", "model")
    op.drop_column("traces", "release")


def _fill(connection: sa.Connection) -> None:
    """Read both out of what is stored, a few hundred traces in memory at a time."""
    traces = sa.table("traces", sa.column("trace_id"), sa.column("release"), sa.column("model"))
    update = (
        sa.update(traces)
        .where(traces.c.trace_id == sa.bindparam("of"))
        .values(release=sa.bindparam("in_release"), model=sa.bindparam("main_model"))
    )
    last = ""
    while ids := _next(connection, last):
        last = ids[-1]
        found = [
            {"of": trace_id, "in_release": release, "main_model": model}
            for trace_id, (release, model) in _read(connection, ids).items()
            if release is not None or model is not None
        ]
        if found:
            connection.execute(update, found)


def _next(connection: sa.Connection, last: str) -> list[str]:
    query = sa.text("SELECT trace_id FROM traces WHERE trace_id > :last ORDER BY trace_id LIMIT :most")
    return list(connection.execute(query, {"last": last, "most": _BATCH}).scalars())


def _read(connection: sa.Connection, ids: list[str]) -> dict[str, tuple[str | None, str | None]]:
    named: sa.BindParameter[Any] = sa.bindparam("ids", ids, expanding=True)
    heads = sa.text("SELECT trace_id, body FROM trace_payloads WHERE trace_id IN :ids").bindparams(named)
    releases = {trace_id: _parsed(body).get("release") for trace_id, body in connection.execute(heads)}
    bodies = sa.text(
        "SELECT p.trace_id, p.body FROM spans s JOIN span_payloads p ON p.trace_id = s.trace_id"
        " AND p.span_id = s.span_id WHERE s.trace_id IN :ids ORDER BY s.trace_id, s.started_at, s.position"
    ).bindparams(named)
    spans: dict[str, list[Span]] = defaultdict(list)
    for trace_id, body in connection.execute(bodies):
        spans[trace_id].append(_span(_parsed(body)))
    return {one: (releases.get(one), built(Trace, bare(Trace) | {"spans": tuple(spans[one])}).model) for one in ids}


def _span(data: dict[str, Any]) -> Span:
    """As much of a span as says what its trace's main model is; what is stored was checked when it came in."""
    usage = data.get("usage")
    known: dict[str, Any] = {
        "span_id": data["span_id"],
        "parent_id": data.get("parent_id"),
        "kind": SpanKind(data.get("kind", "unknown")),
        "model": data.get("model"),
        "usage": built(Usage, bare(Usage) | usage) if usage is not None else None,
        "attributes": data.get("attributes") or {},
        "input_messages": tuple(data.get("input_messages") or ()),
        "output_messages": tuple(data.get("output_messages") or ()),
    }
    return built(Span, bare(Span) | known)


def _parsed(body: bytes) -> dict[str, Any]:
    body = bytes(body)
    found: dict[str, Any] = orjson.loads(body if body.startswith(b"{") else zlib.decompress(body))
    return found
