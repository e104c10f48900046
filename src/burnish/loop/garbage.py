"""Python's search for garbage in cycles, held back while many small values come and go."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["garbage_held_back"]

# New objects between two searches; the usual 700 means one every few runs.
THRESHOLD = 50_000

_lock = threading.Lock()
_usual: list[tuple[int, int, int]] = []  # the thresholds found, once for everyone who holds back now


@contextmanager
def garbage_held_back() -> Iterator[None]:
    """Search rarely, and only among what is new.

    Values of runs hold no cycles and go as soon as they are written. The usual search looks at those that still wait
    again and again, and now and then at everything ever imported: up to a tenth of a second in which no answer is
    read. Several may hold back at once; the last one to leave brings the usual thresholds back.
    """
    with _lock:
        _usual.append(gc.get_threshold())
        gc.freeze()
        gc.set_threshold(THRESHOLD, *_usual[0][1:])
    try:
        yield
    finally:
        with _lock:
            before = _usual.pop()
            if not _usual:
                gc.set_threshold(*before)
                gc.unfreeze()
