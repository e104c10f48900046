"""A site with queues and accounts, served on loopback: for tests in a browser and for the benchmark of the pages."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from burnish.adapters.store import Store
from burnish.adapters.store.users import UserStore
from burnish.domain.annotation.items import QueueItem
from burnish.domain.annotation.people import Role
from burnish.domain.annotation.queues import Queue
from burnish.domain.annotation.specs import load_queue
from burnish.domain.traces import Trace
from burnish.drivers.web import create_app
from burnish.project import AgentConfig
from burnish.settings import Settings
from support.browsing import serving
from support.signing import PASSWORD

__all__ = ["PASSWORD", "add_accounts", "put", "served", "write_queues"]

RUBRIC = {
    "rubric": "The right queue was chosen.\n\n- **Pass**: the queue fits.\n- Fail: [it](javascript:alert(8)) does not."
}


def write_queues(project: Path, queues: list[dict[str, Any]]) -> None:
    """A project folder with these queues and the rubric "routing"."""
    (project / "config" / "rubrics").mkdir(parents=True, exist_ok=True)
    (project / "config" / "agents").mkdir(parents=True, exist_ok=True)
    (project / "config" / "rubrics" / "routing.yaml").write_text(yaml.safe_dump(RUBRIC))
    (project / "config" / "queues.yaml").write_text(yaml.safe_dump(queues))


def put(store: Store, project: Path, name: str, traces: Iterable[Trace]) -> Queue:
    """Put traces into a queue, to be offered in this order."""
    queue = load_queue(project, name)
    store.queues.fill(queue, [
        QueueItem(id=QueueItem.id_for(name, trace.trace_id), queue=name, agent=trace.agent, trace_id=trace.trace_id,
                  wanted=queue.labels, profile=queue.profile, rank=float(number), reasons=("low_score task_done",))
        for number, trace in enumerate(traces)
    ])  # fmt: skip
    return queue


def add_accounts(store: Store, **roles: Role) -> None:
    """Accounts by name, all with PASSWORD; hashed cheaply, so that signing in takes no time."""
    store.users = UserStore(store.users._database, cost=2)
    for name, role in roles.items():
        store.users.add(name, role, PASSWORD)


@contextmanager
def served(store: Store, project: Path, *agents: AgentConfig) -> Iterator[str]:
    """The address of the site while the block runs."""
    configs = {agent.name: agent for agent in agents}
    app = create_app(store, Settings(project=project, _env_file=None), configs)  # type: ignore[call-arg]
    with serving(app) as address:
        yield address
