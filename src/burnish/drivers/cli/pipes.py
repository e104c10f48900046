"""What becomes of output that nobody takes: `burnish … | head` has read enough."""

import os
import sys

__all__ = ["silence"]


def silence() -> None:
    """Send stdout nowhere from here on, and stderr too where its reader has left, so that nothing fails at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)
