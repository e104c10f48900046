"""The queues of config/queues.yaml for a request, read again only when a file has changed."""

from functools import lru_cache
from pathlib import Path

from starlette.requests import Request

from burnish.domain.annotation.people import Person
from burnish.domain.annotation.queues import Queue
from burnish.domain.annotation.specs import load_queues
from burnish.drivers.web.visitors import person_of, require_queue
from burnish.errors import NotFoundError

__all__ = ["queue_of", "queues_of"]

Stamp = tuple[tuple[str, int, int], ...]


def queues_of(request: Request) -> list[Queue]:
    """The queues that who is signed in may see, in the order of the file."""
    person = person_of(request)
    return [queue for queue in _all(request) if person.may_see(queue.name)]


def queue_of(request: Request) -> tuple[Queue, Person]:
    """The queue in the address, and who is signed in. Raises NotFoundError where it is not there for them."""
    name = request.path_params["queue"]
    person = require_queue(request, name)
    queue = next((one for one in _all(request) if one.name == name), None)
    if queue is None:
        raise NotFoundError(f"no queue '{name}' in config/queues.yaml")
    return queue, person


def _all(request: Request) -> list[Queue]:
    project: Path = request.app.state.settings.project
    return _read(project, _stamp(project))


@lru_cache(maxsize=4)
def _read(project: Path, stamp: Stamp) -> list[Queue]:
    # Parsing the YAML takes 10 ms and more, as long as all the rest of a request.
    return load_queues(project)


def _stamp(project: Path) -> Stamp:
    """Changes with every file that queues are read from."""
    config = project / "config"
    files = [config / "queues.yaml", *(config / "rubrics").glob("*.yaml"), *(config / "agents").glob("*.toml")]
    stats = [(str(file), file.stat()) for file in sorted(files) if file.is_file()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
