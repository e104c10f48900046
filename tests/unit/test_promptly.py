"""Settings of the process while answers come in."""

import contextlib
import gc
import sys

from burnish.loop.promptly import promptly


def settings() -> tuple[tuple[int, int, int], float]:
    return gc.get_threshold(), sys.getswitchinterval()


def test_the_last_one_out_brings_the_usual_settings_back() -> None:
    """Two measurements in one process, of which one fails, leave it as they found it, and not before both ended."""
    usual = settings()
    first = contextlib.ExitStack()
    first.enter_context(promptly())
    with contextlib.suppress(KeyError), promptly():
        first.close()
        held = settings()
        raise KeyError("lost")
    assert held != usual == settings()
