"""The door to the database: one object a noun over one engine."""

from pathlib import Path
from types import TracebackType
from typing import Self

from burnish.adapters.store.alignments import AlignmentStore
from burnish.adapters.store.annotations import AnnotationStore
from burnish.adapters.store.attempts import AttemptStore
from burnish.adapters.store.calls import CallStore
from burnish.adapters.store.clusters import ClusterStore
from burnish.adapters.store.datasets import DatasetStore
from burnish.adapters.store.engine import Database
from burnish.adapters.store.experiments import ExperimentStore
from burnish.adapters.store.feedback import FeedbackStore
from burnish.adapters.store.nights import NightStore
from burnish.adapters.store.positions import PositionStore
from burnish.adapters.store.proposals import ProposalStore
from burnish.adapters.store.pull_requests import PullRequestStore
from burnish.adapters.store.queues import QueueStore
from burnish.adapters.store.read_files import ReadFileStore
from burnish.adapters.store.redactions import RedactionStore
from burnish.adapters.store.retention import RetentionStore
from burnish.adapters.store.schema import migrate
from burnish.adapters.store.traces import TraceStore
from burnish.adapters.store.users import UserStore

__all__ = ["Store"]


class Store:
    """Everything burnish remembers, in SQLite or PostgreSQL.

    Safe to share between threads; several processes may open the same database. Every write is one transaction: what
    a method has returned from is on disk. Text that PostgreSQL cannot hold (NUL, lone surrogates) becomes U+FFFD on
    both databases.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.url = database.url
        self.traces = TraceStore(database)
        self.feedback = FeedbackStore(database)
        self.clusters = ClusterStore(database)
        self.datasets = DatasetStore(database)
        self.experiments = ExperimentStore(database)
        self.proposals = ProposalStore(database)
        self.pull_requests = PullRequestStore(database)
        self.read_files = ReadFileStore(database)
        self.attempts = AttemptStore(database)
        self.calls = CallStore(database)
        self.nights = NightStore(database)
        self.positions = PositionStore(database)
        self.annotations = AnnotationStore(database)
        self.redactions = RedactionStore(database)
        self.retention = RetentionStore(database)
        self.queues = QueueStore(database)
        self.users = UserStore(database)
        self.alignments = AlignmentStore(database)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database at a SQLAlchemy URL, creating it and bringing its schema up to date.

        `sqlite:////path/to/file` or `postgresql+psycopg://user@host/database`. Raises StoreError that says what to do:
        an unknown kind of URL, no driver, no server, a schema newer than this burnish.
        """
        database = Database(url)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def stamp(self) -> str:
        """Something that differs once anything was written to the store, whoever did."""
        return self._database.stamp()

    def close(self) -> None:
        """Give the connections back; the store cannot be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open_to_others(self) -> Path | None:
        """The database's file, where other users of the machine may read it; None where not, and for PostgreSQL."""
        name = self._database.engine.url.database
        if not self._database.is_sqlite or name is None:
            return None
        file = Path(name).absolute()
        reached = all(folder.stat().st_mode & 0o001 for folder in file.parents)
        return file if reached and file.stat().st_mode & 0o004 else None
