"""So many calls at once, in order, and given up wherever they are."""

import asyncio
from functools import partial

import pytest

from burnish.adapters.llm.lanes import Lanes


async def test_no_more_run_at_once_and_in_the_order_asked() -> None:
    """Of ten calls on three lanes three run at a time, the first asked first."""
    lanes, running, most, begun = Lanes(3), 0, 0, []

    async def call(number: int) -> int:
        nonlocal running, most
        begun.append(number)
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return number

    assert await asyncio.gather(*(lanes.run(partial(call, number)) for number in range(10))) == list(range(10))
    assert (most, begun) == (3, list(range(10)))


async def test_a_failed_call_fails_for_its_asker_alone() -> None:
    """The lane goes on with the next."""
    lanes = Lanes(1)

    async def fail() -> None:
        raise ValueError("broken")

    async def answer() -> str:
        return "fine"

    failed, fine = await asyncio.gather(lanes.run(fail), lanes.run(answer), return_exceptions=True)
    assert isinstance(failed, ValueError)
    assert fine == "fine"


async def test_a_call_that_is_given_up_stops_and_frees_its_lane() -> None:
    """Under way it is cancelled, waiting it never begins, and who comes after is served."""
    lanes, under_way, stopped, begun = Lanes(1), asyncio.Event(), asyncio.Event(), []

    async def hang() -> None:
        under_way.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def call(name: str) -> str:
        begun.append(name)
        return name

    hanging = asyncio.create_task(lanes.run(hang))
    waiting = asyncio.create_task(lanes.run(partial(call, "waiting")))
    last = asyncio.create_task(lanes.run(partial(call, "last")))
    await under_way.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    hanging.cancel()
    assert await last == "last"
    assert stopped.is_set()
    assert begun == ["last"]
    for given_up in (hanging, waiting):
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_who_waits_is_not_left_waiting_when_lanes_are_cancelled() -> None:
    """As at the end of a loop: the call under way is cancelled for its asker too."""
    lanes = Lanes(1)
    tasks_before = asyncio.all_tasks()
    asker = asyncio.create_task(lanes.run(asyncio.Event().wait))
    await asyncio.sleep(0.01)
    (lane,) = asyncio.all_tasks() - tasks_before - {asker}
    lane.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asker, 5)


async def test_one_limit_serves_several_loops_one_after_another() -> None:
    """A night's tasks each have a loop of their own; lanes end with the last call of each."""
    lanes = Lanes(2)

    async def answer() -> int:
        return 1

    for _ in range(2):
        assert await asyncio.to_thread(lambda: asyncio.run(lanes.run(answer))) == 1


async def test_quiet_comes_after_the_calls_that_are_being_sent() -> None:
    """While lanes begin calls round after round, whoever asks for quiet waits."""
    lanes, begun = Lanes(1), []

    async def call(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(0)

    calls = [asyncio.create_task(lanes.run(partial(call, number))) for number in range(5)]
    await asyncio.sleep(0)
    await lanes.quiet()
    assert begun == list(range(5))
    await asyncio.gather(*calls)
