"""What the interpreter puts off while an event loop has many answers coming in."""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["promptly"]

NEW_OBJECTS = 50_000  # between two searches for garbage in cycles; the usual 700 means one every few runs
SWITCH_S = 0.001  # that another thread may hold the interpreter while the loop waits for it; usually 5 ms

_lock = threading.Lock()
_inside = 0
_usual: tuple[tuple[int, int, int], float]


@contextmanager
def promptly() -> Iterator[None]:
    """Let an answer wait neither for a search for garbage nor long for another thread.

    The values of a run hold no cycles and go as soon as they are written. The usual search looks at those that still
    wait again and again, and now and then at everything ever imported: up to a tenth of a second in which no answer is
    read. These are settings of the whole process: several may be inside at once, the last one out brings the usual
    ones back.
    """
    global _inside, _usual
    with _lock:
        if not _inside:
            _usual = gc.get_threshold(), sys.getswitchinterval()
            gc.freeze()
            gc.set_threshold(NEW_OBJECTS, *_usual[0][1:])
            sys.setswitchinterval(min(SWITCH_S, _usual[1]))
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                gc.set_threshold(*_usual[0])
                sys.setswitchinterval(_usual[1])
                gc.unfreeze()
