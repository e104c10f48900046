"""What somebody may have meant by a name that there is not."""

import difflib
from collections.abc import Collection

__all__ = ["nearest"]


def nearest(name: str, known: Collection[str]) -> str:
    """The end of an error's sentence: the known name that is most alike, else all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known) or 'none'}"
