"""Which failures are worth another try: only those that may pass by themselves."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun

from burnish.errors import BurnishError, StoreError, TransientModelError

__all__ = ["TRANSIENT", "is_transient"]


async def is_transient(task: Any, run: TaskRun, state: State[Any]) -> bool:
    """A broken connection or a busy store is tried again; a wrong setting or a spent budget is not."""
    try:
        await state.aresult()
    except (TransientModelError, StoreError, ConnectionError, TimeoutError):
        return True
    except BurnishError:
        return False
    except Exception as error:
        return type(error).__module__.split(".")[0] in ("httpx", "httpcore")
    return False


TRANSIENT: dict[str, Any] = {"retries": 3, "retry_delay_seconds": [2, 10, 60], "retry_condition_fn": is_transient}
