"""One process a night: a lease in the store, renewed while the holder lives.

Prefect may call a healthy run crashed and start it again; the lease keeps the two from writing at once. A holder that
died on this machine is recognised by its process id, so starting again after a kill does not wait.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.errors import LeaseHeldError, StoreError

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["give_way", "hold", "holder_is_dead", "holder_name"]

LEASE_S = 90.0


def holder_name() -> str:
    """This process, told apart from a later one with the same number by its start time."""
    return f"{socket.gethostname()}|{os.getpid()}|{_start_time(os.getpid())}"


def holder_is_dead(holder: str) -> bool:
    """Whether `holder` was a process of this machine that is gone; False where that cannot be known."""
    host, _, rest = holder.partition("|")
    pid, _, started = rest.partition("|")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return _start_time(int(pid)) != started


def _start_time(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return "gone"
        except PermissionError:
            return "unknown"
        return "unknown"
    fields = stat.rpartition(")")[2].split()
    return "gone" if fields[0] == "Z" else fields[19]  # state, and start time in clock ticks since boot


@contextlib.asynccontextmanager
async def hold(store: "Store", night_id: str) -> AsyncIterator[None]:
    """Hold the night's lease while the block runs.

    Raises LeaseHeldError at once where a live process of this machine holds it; a holder elsewhere is waited for
    until its lease would have run out.
    """
    holder = holder_name()
    await _take(store, night_id, holder)
    renewer = asyncio.create_task(_renew(store, night_id, holder))
    try:
        yield
    finally:
        renewer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewer
        await asyncio.to_thread(store.nights.release, night_id, holder)


async def give_way(store: "Store", agent: str, told: Callable[[str], None] | None = None, pause_s: float = 2.0) -> None:
    """Wait while a living process works on a night of `agent`; `told` hears its night once, at the beginning.

    For work that a night does as well: it would be done, and paid, twice.
    """
    said = False
    while True:
        found = await asyncio.to_thread(store.nights.worked_on, agent)
        nights = [night for night, holder in found.items() if _is_another(holder)]
        if not nights:
            return
        if told is not None and not said:
            told(nights[0])
            said = True
        await asyncio.sleep(pause_s)


def _is_another(holder: str) -> bool:
    return holder != holder_name() and not holder_is_dead(holder)


async def _take(store: "Store", night_id: str, holder: str) -> None:
    waited = 0.0
    while True:
        try:
            await asyncio.to_thread(store.nights.lease, night_id, holder, LEASE_S)
            return
        except LeaseHeldError as error:
            other = error.holder
            if holder_is_dead(other):
                await asyncio.to_thread(store.nights.release, night_id, other)
                continue
            if other.partition("|")[0] == socket.gethostname() or waited > LEASE_S:
                raise
        await asyncio.sleep(5.0)
        waited += 5.0


async def _renew(store: "Store", night_id: str, holder: str) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 3)
        with contextlib.suppress(StoreError):  # a busy database; another try fits into the lease
            await asyncio.to_thread(store.nights.lease, night_id, holder, LEASE_S)
