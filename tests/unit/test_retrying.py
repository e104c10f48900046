"""How long to wait before the next try."""

from datetime import UTC, datetime

import pytest

from burnish.domain.retrying import Backoff, Retold, retry_after, worth_retrying

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30"}, 30.0),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After-Ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], expected: float | None) -> None:
    """Seconds, milliseconds and dates are understood; what says nothing usable is no wish."""
    assert expected == retry_after(headers, now=lambda: NOW)


def test_waits_double_up_to_a_cap() -> None:
    """Without jitter the waits double and stop growing; jitter shortens them by half at most."""
    assert [1, 2, 4, 8, 8] == [Backoff(cap_s=8, jitter=lambda: 1.0).wait(n, None) for n in range(1, 6)]
    assert 0.5 == Backoff(jitter=lambda: 0.0).wait(1, None)


def test_the_endpoint_may_ask_for_more_not_for_less() -> None:
    """Retry-After lengthens a wait up to its cap and never shortens it."""
    backoff = Backoff(jitter=lambda: 1.0)
    assert (9.0, 1.0, 120.0) == (backoff.wait(1, 9.0), backoff.wait(1, 0.0), backoff.wait(1, 1e9))


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (408, None, True),
        (429, None, True),
        (429, "rate_limit_exceeded", True),
        (429, "insufficient_quota", False),
        (500, None, True),
        (529, None, True),
        (400, None, False),
        (401, None, False),
    ],
)
def test_what_may_pass(status: int, code: str | None, expected: bool) -> None:
    """Overload and rate limits pass, mistakes and empty accounts do not."""
    assert expected is worth_retrying(status, code)


def test_what_is_tried_again_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """What failed, why, how often it is tried and for how long; calls that fail alike say it once."""
    now = [0.0]
    retold = Retold(clock=lambda: now[0])
    for now[0] in (0.0, 1.0, 59.0, 61.0):
        retold.tell("GET http://x/y", "ConnectError", 5, 30.6)
    said = "GET http://x/y failed (ConnectError); trying 5 more times, for up to 31 s and the calls themselves"
    assert [said, said] == [record.getMessage() for record in caplog.records]
    assert 31 == Backoff().longest(5)
