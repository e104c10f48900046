"""What `burnish run` leaves on the terminal of a flow that fails."""

import logging
from collections.abc import Iterator

import pytest

from burnish.drivers.cli.run import _without_tracebacks


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, whose handlers get their filters back."""
    logger = logging.getLogger()
    before = {handler: list(handler.filters) for handler in logger.handlers}
    yield logger
    for handler in logger.handlers:
        handler.filters[:] = before.get(handler, [])


def test_what_prefect_logs_of_an_exception_stays_on_its_pages(root: logging.Logger) -> None:
    """No task or flow that an error passes through repeats it on the terminal; warnings and our own words stay."""
    _without_tracebacks()

    def shown(name: str, level: int) -> bool:
        record = logging.LogRecord(name, level, "", 0, "Encountered exception", (), None)
        return all(handler.filter(record) for handler in root.handlers)

    assert not shown("prefect.task_runs", logging.ERROR)
    assert not shown("prefect.flow_runs", logging.ERROR)
    assert shown("prefect.flow_runs", logging.WARNING)
    assert shown("burnish", logging.ERROR)
    record = logging.LogRecord("prefect.flow_runs", logging.ERROR, "", 0, "Encountered exception", (), None)
    assert all(handler.filter(record) for handler in logging.getLogger("prefect.flow_runs").handlers)
