"""Which failures are worth another try: only those that may pass by themselves."""

import logging
from typing import Any

from prefect.client.schemas.objects import State, TaskRun

from burnish.errors import BurnishError, StoreError, TransientModelError

__all__ = ["TRANSIENT", "is_transient"]

_log = logging.getLogger("burnish")


async def is_transient(task: Any, run: TaskRun, state: State[Any]) -> bool:
    """A broken connection or a busy store is tried again; a wrong setting or a spent budget is not."""
    try:
        await state.aresult()
    except (TransientModelError, StoreError, ConnectionError, TimeoutError) as error:
        return _told(run, error)
    except BurnishError:
        return False
    except Exception as error:
        return type(error).__module__.split(".")[0] in ("httpx", "httpcore") and _told(run, error)
    return False


def _told(run: TaskRun, error: Exception) -> bool:
    """Say that it is tried again, as Prefect does at a level that the terminal does not show."""
    if 1 <= run.run_count <= len(DELAYS_S):
        delay, number = DELAYS_S[run.run_count - 1], f"{run.run_count} of {len(DELAYS_S)}"
        _log.warning("%s failed (%s); trying again in %d s (%s)", run.name, error, delay, number)
    return True


DELAYS_S = (2, 10, 60)
TRANSIENT: dict[str, Any] = {
    "retries": len(DELAYS_S),
    "retry_delay_seconds": list(DELAYS_S),
    "retry_condition_fn": is_transient,
}
