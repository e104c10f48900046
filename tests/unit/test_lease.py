"""One process a night."""

import asyncio
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from burnish.adapters.store import Store
from burnish.errors import LeaseHeldError
from burnish.loop.lease import give_way, hold, holder_is_dead, holder_name


def started_at(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


async def test_two_processes_never_hold_the_same_night(store: Store) -> None:
    """While a live process of this machine holds a night, a second one is refused at once."""
    night = store.nights.begin("desk", date(2026, 1, 1))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:  # noqa: ASYNC220
        holder = f"{holder_name().partition('|')[0]}|{other.pid}|{started_at(other.pid)}"
        store.nights.lease(night.id, holder, 90)
        with pytest.raises(LeaseHeldError):
            async with hold(store, night.id):
                pass
        other.kill()
        other.wait()
        async with hold(store, night.id):  # the holder died: its lease is taken over without waiting
            assert holder_is_dead(holder) is True


async def test_a_lease_ends_with_its_block(store: Store) -> None:
    """A night can be taken again as soon as its holder let go."""
    night = store.nights.begin("desk", date(2026, 1, 1))
    async with hold(store, night.id):
        pass
    store.nights.lease(night.id, "somebody else", 90)
    with pytest.raises(LeaseHeldError) as caught:
        store.nights.lease(night.id, "a third", 90)
    assert caught.value.holder == "somebody else"


def test_a_holder_elsewhere_is_not_called_dead() -> None:
    """Of a process on another machine nothing is known, so its lease must run out."""
    assert holder_is_dead("another-host|1|1") is False
    assert holder_is_dead(holder_name()) is False


async def test_a_backfill_waits_for_a_night_at_work(store: Store) -> None:
    """It hears once which night it waits for, and goes on as soon as that one lets go or has died."""
    night = store.nights.begin("desk", date(2026, 1, 1))
    await give_way(store, "desk")  # nobody is at work
    async with hold(store, night.id):
        await give_way(store, "desk")  # its own lease is not in its way
    store.nights.lease(night.id, "elsewhere|1|1", 90)
    heard: list[str] = []
    waiting = asyncio.create_task(give_way(store, "desk", heard.append, pause_s=0.01))
    await give_way(store, "another agent")
    await asyncio.sleep(0.1)
    assert not waiting.done()
    store.nights.release(night.id, "elsewhere|1|1")
    await asyncio.wait_for(waiting, 5)
    assert [night.id] == heard
