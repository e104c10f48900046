"""Failure clusters, night by night."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.lookup import resolve
from burnish.adapters.store.rows import clean
from burnish.domain.proposals import Cluster

__all__ = ["ClusterStore"]

_clusters = tables.clusters
_nights = tables.cluster_nights


class ClusterStore:
    """Groups of traces that fail alike."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, agent: str, night: str, clusters: Sequence[Cluster]) -> None:
        """Replace the clusters of this agent and night; none at all is remembered as well."""
        rows = [
            {
                "agent": agent,
                "night": night,
                "id": item.id,
                "size": item.size,
                "document": item.model_copy(update={"agent": agent, "night": night}).model_dump_json(),
            }
            for item in map(clean, clusters)
        ]
        with self._database.write("clusters") as connection:
            upsert(connection, _nights, [{"agent": agent, "night": night}], keep=None)
            connection.execute(sa.delete(_clusters).where(_clusters.c.agent == agent, _clusters.c.night == night))
            upsert(connection, _clusters, rows)

    def get(self, cluster_id: str) -> Cluster:
        """A cluster as of the newest night that had it, by id or a unique beginning.

        Raises NotFoundError.
        """
        with self._database.read() as connection:
            whole = resolve(connection, _clusters.c.id, cluster_id, "cluster")
            query = sa.select(_clusters.c.document).where(_clusters.c.id == whole)
            document = connection.execute(query.order_by(_clusters.c.night.desc()).limit(1)).scalar_one()
        return Cluster.model_validate_json(document)

    def previous(self, agent: str, night: str) -> list[Cluster]:
        """Clusters of the newest earlier night that had any, largest first."""
        earlier = sa.select(sa.func.max(_clusters.c.night)).where(_clusters.c.agent == agent, _clusters.c.night < night)
        query = sa.select(_clusters.c.document).where(
            _clusters.c.agent == agent, _clusters.c.night == earlier.scalar_subquery()
        )
        with self._database.read() as connection:
            return _read(connection, query)

    def members(self, agent: str) -> set[str]:
        """Ids of all traces that any cluster of the agent ever held: what proposers may have seen."""
        query = sa.select(_clusters.c.document).where(_clusters.c.agent == agent)
        with self._database.read() as connection:
            return {trace_id for cluster in _read(connection, query) for trace_id in cluster.trace_ids}

    def of_trace(self, agent: str, trace_id: str) -> list[Cluster]:
        """The clusters of the agent's newest night that hold a trace, largest first."""
        return [cluster for cluster in self.list(agent) if trace_id in cluster.trace_ids]

    def list(self, agent: str | None = None, night: str | None = None) -> list[Cluster]:
        """Clusters of one night, or of each agent's newest, largest first."""
        query = sa.select(_clusters.c.document)
        if agent is not None:
            query = query.where(_clusters.c.agent == agent)
        if night is not None:
            query = query.where(_clusters.c.night == night)
        else:
            newest = sa.select(sa.func.max(_nights.c.night)).where(_nights.c.agent == _clusters.c.agent)
            query = query.where(_clusters.c.night == newest.scalar_subquery())
        with self._database.read() as connection:
            return _read(connection, query)


def _read(connection: Connection, query: sa.Select[Any]) -> list[Cluster]:
    ordered = query.order_by(_clusters.c.size.desc(), _clusters.c.agent, _clusters.c.id)
    return [Cluster.model_validate_json(document) for document in connection.execute(ordered).scalars()]
