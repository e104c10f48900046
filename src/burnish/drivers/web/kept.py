"""Figures that take long to count, kept until the store changes.

Sums over all feedback of 100,000 traces take a second. While the site is served they are counted in the background: a
page shows the newest count there is and says how old it is, or that counting has begun, and never waits. Without
`serve` (in tests, for example) every figure is exact, and whoever asks first waits for it.
"""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from burnish.domain.base import utc_now

__all__ = ["Found", "Kept"]

T = TypeVar("T")
QUICK_S = 0.02  # what takes no longer is counted anew at once when the store has changed
PAUSE_S = 5.0  # the least time between two counts of the same figure in the background
SHARE = 20  # and so many times as long as the last count took, so that counting never takes over the machine
USED_S = 3_600.0  # what nobody has looked at for so long is forgotten until somebody does


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A figure. `value` is None while it is first counted; `as_of` is set where the store has changed since."""

    value: T | None
    as_of: datetime | None = None

    @property
    def pending(self) -> bool:
        """Whether it is being counted for the first time."""
        return self.value is None


@dataclass
class _Entry:
    count: Callable[[], Any]
    value: Any = None
    stamp: Hashable = None
    at: datetime = field(default_factory=utc_now)
    done: float = 0.0
    took: float = 0.0
    used: float = 0.0
    running: "Future[None] | None" = None


class Kept:
    """What has been counted, by key."""

    def __init__(self, stamp: Callable[[], Hashable]) -> None:
        self._stamp = stamp
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.Lock()
        self._patience: float | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._over = threading.Event()

    def serve(self, patience: float = 0.03) -> None:
        """From now on nobody waits longer than `patience` seconds, and what is used is counted anew by itself."""
        self._patience = patience
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="burnish-kept")
        threading.Thread(target=self._keep, name="burnish-keep", daemon=True).start()

    def close(self) -> None:
        """Count no more."""
        self._over.set()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def forget(self, unused_s: float) -> None:
        """Drop what nobody has looked at for so long: a name in an address, or files as they were before."""
        with self._lock:
            since = time.monotonic() - unused_s
            self._entries = {key: entry for key, entry in self._entries.items() if entry.used > since}

    def get(self, key: Hashable, count: Callable[[], T]) -> Found[T]:
        """The figure, counted by `count` where it must be. What `count` raises is raised here."""
        stamp = self._stamp()
        with self._lock:
            entry = self._entries.setdefault(key, _Entry(count))
            entry.count, entry.used = count, time.monotonic()
        if entry.value is not None and entry.stamp == stamp:
            return Found(entry.value)
        if self._pool is None or (entry.value is not None and entry.took < QUICK_S):
            self._renew(entry)
            return Found(entry.value)
        waiting = self._counting()
        running = self._begin(entry)
        if entry.value is None and running is not None:
            try:
                running.result(0 if waiting else self._patience)
            except Late:
                return Found(None)
        return Found(entry.value, None if entry.stamp == stamp else entry.at)

    def _counting(self) -> bool:
        """Whether something is being counted already, behind which anything else would have to wait."""
        with self._lock:
            return any(entry.running is not None and not entry.running.done() for entry in self._entries.values())

    def _begin(self, entry: _Entry) -> "Future[None] | None":
        """Have it counted, unless it is being or was a moment ago."""
        assert self._pool is not None
        with self._lock:
            if entry.running is not None and not entry.running.done():
                return entry.running
            if entry.value is not None and time.monotonic() - entry.done < max(PAUSE_S, SHARE * entry.took):
                return None
            entry.running = self._pool.submit(self._renew, entry)
            return entry.running

    def _renew(self, entry: _Entry) -> None:
        stamp, at, begun = self._stamp(), utc_now(), time.monotonic()  # before: what is written meanwhile counts as new
        value = entry.count()
        done = time.monotonic()
        with self._lock:
            entry.value, entry.stamp, entry.at, entry.done, entry.took = value, stamp, at, done, done - begun

    def _keep(self) -> None:
        while not self._over.wait(PAUSE_S):
            try:
                self.forget(USED_S)
                stamp = self._stamp()
                with self._lock:
                    old = [entry for entry in self._entries.values() if entry.stamp != stamp]
                for entry in old:
                    self._begin(entry)
            except Exception:  # noqa: S112 - the database is away, or the site is closing: the next page says so
                continue
