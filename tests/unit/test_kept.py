import threading
import time
from collections.abc import Callable

import pytest

from burnish.drivers.web.kept import Found, Kept


class Store:
    """Something that changes, and how often it was counted."""

    def __init__(self) -> None:
        self.stamp, self.counted = 0, 0
        self.gate = threading.Event()
        self.gate.set()

    def count(self) -> int:
        self.gate.wait(10)
        self.counted += 1
        return self.stamp


def until(found: Callable[[], Found[int]], wanted: int) -> Found[int]:
    deadline = time.monotonic() + 10
    while (now := found()).value != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    return now


def test_a_figure_is_counted_once_a_change() -> None:
    """Without serving it is exact: counted when first asked for and after each change, and not in between."""
    store = Store()
    kept = Kept(lambda: store.stamp)
    assert [0, 0] == [kept.get("a", store.count).value for _ in range(2)]
    store.stamp = 1
    assert Found(1) == kept.get("a", store.count)
    assert 2 == store.counted


def test_what_nobody_looks_at_is_forgotten() -> None:
    """A figure that was looked at lately stays, an older one is dropped and counted anew when somebody asks."""
    store = Store()
    kept = Kept(lambda: store.stamp)
    kept.get("a", store.count)
    kept.forget(60)
    kept.get("a", store.count)
    assert 1 == store.counted
    kept.forget(0)
    kept.get("a", store.count)
    assert 2 == store.counted


def test_nobody_waits_for_a_count_while_served() -> None:
    """A figure that is not there yet is pending; once it is, an old one comes at once with its age."""
    store = Store()
    store.gate.clear()
    kept = Kept(lambda: store.stamp)
    kept.serve(patience=0.01)
    begun = time.monotonic()
    assert kept.get("a", store.count).pending
    assert kept.get("b", store.count).pending
    assert time.monotonic() - begun < 2
    store.gate.set()
    assert not until(lambda: kept.get("a", store.count), 0).pending
    kept.close()


def test_an_old_figure_says_how_old_it_is() -> None:
    """After a change a slow figure is shown as it was, with its moment, and not counted again at once."""
    store = Store()
    kept = Kept(lambda: store.stamp)
    kept.serve(patience=10)

    def slowly() -> str:
        time.sleep(0.05)
        return f"as of {store.count()}"

    assert Found("as of 0") == kept.get("a", slowly)
    store.stamp = 1
    found = kept.get("a", slowly)
    assert "as of 0" == found.value
    assert found.as_of is not None
    assert 1 == store.counted
    kept.close()


def test_what_counting_raises_is_raised_where_it_is_asked_for() -> None:
    """An error reaches whoever asks, served or not, and the next one asks anew."""

    def fail() -> int:
        raise OSError("away")

    kept = Kept(lambda: 0)
    with pytest.raises(OSError, match="away"):
        kept.get("a", fail)
    kept.serve(patience=10)
    with pytest.raises(OSError, match="away"):
        kept.get("b", fail)
    assert Found(3) == kept.get("b", lambda: 3)
    kept.close()
