"""How judges stood with people, measurement by measurement, and which labels each version was made from."""

import builtins

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import review_tables
from burnish.adapters.store.engine import Database, chunked, upsert
from burnish.adapters.store.rows import clean, micros, moment
from burnish.domain.agreement import AlignmentState
from burnish.domain.alignment.measurement import Alignment

__all__ = ["AlignmentStore"]

_alignments = review_tables.alignments
_fits = review_tables.alignment_fits
_NEVER = moment(0)


class AlignmentStore:
    """Measurements by agent, judge and version; `judge` is the key of its scores."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, item: Alignment) -> None:
        """Keep a measurement; one of the same version and moment is replaced.

        Of several in a row that found the same, the first and the newest are kept: a judge is measured every night, and
        most nights nothing has changed. What its version was fitted to is added to what is known of that, and never
        taken back.
        """
        item = clean(item)
        row = {
            "agent": item.agent,
            "judge": item.judge,
            "measured_at": micros(item.measured_at),
            "version": item.version,
            "state": item.state.value,
            "document": item.model_dump_json(exclude={"fitted_on"}),
        }
        of = {"agent": item.agent, "judge": item.judge, "version": item.version}
        with self._database.write("alignments") as connection:
            _drop_same(connection, item)
            upsert(connection, _alignments, [row])
            for ids in chunked(item.fitted_on):
                upsert(connection, _fits, [of | {"trace_id": one} for one in ids], keep=None)

    def latest(
        self, agent: str, judge: str, version: str | None = None, state: AlignmentState | None = None
    ) -> Alignment | None:
        """The newest measurement of a judge: of one version, in one state, or whatever it was."""
        wanted = [_alignments.c.agent == agent, _alignments.c.judge == judge]
        if version is not None:
            wanted.append(_alignments.c.version == version)
        if state is not None:
            wanted.append(_alignments.c.state == state.value)
        found = self._read(wanted, 1)
        return found[0] if found else None

    def list(self, agent: str, judge: str | None = None, limit: int | None = None) -> "builtins.list[Alignment]":
        """An agent's measurements, newest first, of all judges or of one."""
        wanted = [_alignments.c.agent == agent]
        if judge is not None:
            wanted.append(_alignments.c.judge == judge)
        return self._read(wanted, limit)

    def fitted_on(self, agent: str, judge: str, version: str) -> frozenset[str]:
        """Traces whose labels this version may have been made from: its own, and those of the versions before it.

        A rubric edited by hand keeps the examples that an earlier version was given, so what was measured before this
        version's first measurement counts for it too; where it was never measured, all of it does. Measure a version
        once before anything is made from it.
        """
        columns = _alignments.c
        first = sa.select(columns.version, sa.func.min(columns.measured_at)).where(
            columns.agent == agent, columns.judge == judge
        )
        with self._database.read() as connection:
            began = {str(of): int(at) for of, at in connection.execute(first.group_by(columns.version))}
            own = began.get(version)
            before = [found for found, at in began.items() if own is None or found == version or at < own]
            return frozenset(one for of in before for one in _fitted(connection, agent, judge, of))

    def _read(self, wanted: "builtins.list[sa.ColumnElement[bool]]", limit: int | None) -> "builtins.list[Alignment]":
        columns = _alignments.c
        query = (
            sa.select(columns.document)
            .where(*wanted)
            .order_by(columns.measured_at.desc(), columns.judge, columns.version)
            .limit(limit)
        )
        with self._database.read() as connection:
            found = [Alignment.model_validate_json(document) for document in connection.execute(query).scalars()]
            versions = {(one.agent, one.judge, one.version) for one in found}
            fits = {of: _fitted(connection, *of) for of in versions}
        return [one.model_copy(update={"fitted_on": fits[one.agent, one.judge, one.version]}) for one in found]


def _drop_same(connection: Connection, item: Alignment) -> None:
    """Drop the newest measurement if it, and the one before it, found what the item finds now."""
    columns = _alignments.c
    query = sa.select(columns.measured_at, columns.document).where(
        columns.agent == item.agent, columns.judge == item.judge, columns.measured_at < micros(item.measured_at)
    )
    newest = connection.execute(query.order_by(columns.measured_at.desc(), columns.version).limit(2)).all()
    found = [_findings(Alignment.model_validate_json(document)) for _, document in newest]
    if found == [_findings(item)] * 2:
        connection.execute(
            sa.delete(_alignments).where(
                columns.agent == item.agent,
                columns.judge == item.judge,
                columns.version == item.version,
                columns.measured_at == newest[0].measured_at,
            )
        )


def _findings(item: Alignment) -> Alignment:
    """The measurement without what passes by itself: when it was, and words that count the days."""
    return item.model_copy(update={"measured_at": _NEVER, "reason": "", "fitted_on": ()})


def _fitted(connection: Connection, agent: str, judge: str, version: str) -> tuple[str, ...]:
    query = sa.select(_fits.c.trace_id).where(
        _fits.c.agent == agent, _fits.c.judge == judge, _fits.c.version == version
    )
    return tuple(sorted(connection.execute(query).scalars()))
