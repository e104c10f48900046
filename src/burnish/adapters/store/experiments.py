"""Experiments and their runs, resumable: a run that is there need not run again."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.feedback import feedback_rows, write_feedback
from burnish.adapters.store.ingest import prepare
from burnish.adapters.store.lookup import resolve
from burnish.adapters.store.rows import clean, clean_json, micros
from burnish.adapters.store.traces import write_traces
from burnish.domain.experiments import Experiment, Run
from burnish.domain.feedback import Feedback
from burnish.domain.traces import Trace

__all__ = ["ExperimentStore"]

_experiments = tables.experiments
_runs = tables.runs


class ExperimentStore:
    """Measurements of versions over examples."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, experiment: Experiment) -> None:
        """Record an experiment; starting it again keeps its runs and when it was first created."""
        item = clean(experiment)
        with self._database.write("experiments") as connection:
            created = connection.execute(
                sa.select(_experiments.c.document).where(_experiments.c.id == item.id)
            ).scalar_one_or_none()
            if created is not None:
                item = item.model_copy(update={"created_at": Experiment.model_validate_json(created).created_at})
            row = {
                "id": item.id,
                "agent": item.agent,
                "night": item.night,
                "created_at": micros(item.created_at),
                "document": item.model_dump_json(),
            }
            upsert(connection, _experiments, [row])

    def get(self, experiment_id: str) -> Experiment:
        """One experiment by id or a unique beginning.

        Raises NotFoundError.
        """
        with self._database.read() as connection:
            whole = resolve(connection, _experiments.c.id, experiment_id, "experiment")
            query = sa.select(_experiments.c.document).where(_experiments.c.id == whole)
            return Experiment.model_validate_json(connection.execute(query).scalar_one())

    def add_runs(self, runs: Sequence[Run], traces: Sequence[Trace] = (), feedback: Sequence[Feedback] = ()) -> None:
        """Store runs with the traces and scores they left, in one transaction; those with the same key are replaced.

        Raises StoreError where their experiment was never started.
        """
        rows = [_run_row(*clean_json(run)) for run in runs]
        prepared = [prepare(trace) for trace in traces]
        scores = feedback_rows(feedback)
        nouns = [noun for noun, given in (("traces", traces), ("feedback", feedback), ("experiments", runs)) if given]
        if not nouns:
            return
        with self._database.write(*nouns) as connection:
            if prepared:
                write_traces(connection, prepared)
            write_feedback(connection, scores)
            upsert(connection, _runs, rows)

    def runs(self, experiment_id: str, arm: str | None = None) -> list[Run]:
        """Runs of an experiment by arm, example and repetition; empty where none has been made."""
        query = sa.select(_runs.c.document).where(_runs.c.experiment_id == experiment_id)
        if arm is not None:
            query = query.where(_runs.c.arm == arm)
        query = query.order_by(_runs.c.arm, _runs.c.example_id, _runs.c.repetition)
        with self._database.read() as connection:
            return [Run.model_validate_json(document) for document in connection.execute(query).scalars()]

    def list(self, agent: str | None = None, night: str | None = None) -> list[Experiment]:
        """Experiments, newest first."""
        query = sa.select(_experiments.c.document)
        if agent is not None:
            query = query.where(_experiments.c.agent == agent)
        if night is not None:
            query = query.where(_experiments.c.night == night)
        query = query.order_by(_experiments.c.created_at.desc(), _experiments.c.id)
        with self._database.read() as connection:
            return [Experiment.model_validate_json(document) for document in connection.execute(query).scalars()]


def _run_row(run: Run, body: bytes) -> dict[str, Any]:
    return run.key.model_dump() | {"status": run.status.value, "document": body.decode()}
