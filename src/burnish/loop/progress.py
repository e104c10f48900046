"""Progress of long work: the loop reports every step, a viewer is told a few times a second at most."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType

__all__ = ["Show", "Ticker", "viewer"]

Show = Callable[[int, int, str], None]

viewer: ContextVar[Show | None] = ContextVar("viewer", default=None)
"""Who in this process watches, besides the Prefect UI: the terminal's live display. Told (done, total, what)."""


class Ticker:
    """Takes `(done, total, note)` from the work at any rate and passes the newest on from a thread of its own.

    The work never waits for a viewer, and a viewer that raises never stops the work.
    """

    def __init__(self, show: Show, every_s: float = 1.0) -> None:
        self._show = show
        self._every_s = every_s
        self._newest: tuple[int, int, str] | None = None
        self._shown: tuple[int, int, str] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="burnish-progress", daemon=True)
        self.error: Exception | None = None

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report where the work stands."""
        self._newest = (done, total, note)

    def __enter__(self) -> "Ticker":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=10.0)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._pass_on()
        self._pass_on()

    def _pass_on(self) -> None:
        newest = self._newest
        if newest is None or newest == self._shown:
            return
        self._shown = newest
        try:
            self._show(*newest)
        except Exception as error:  # kept for whoever asks; progress is a courtesy
            self.error = error
