"""Finds the public data that lies beside the project; tests that need it skip where it is absent."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shared(relative: str) -> Path:
    """A file or folder of the shared data, or a skip whose reason names it."""
    path = ROOT.parent / "shared" / "data" / relative
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{relative}, which is not on this machine")
    return path
