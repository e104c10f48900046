"""The local Prefect server of a home, as far as it needs no server."""

import fcntl
from pathlib import Path

import pytest
from support.servers import free_port

from burnish.drivers.local_server import LocalServer
from burnish.errors import ConfigError


def test_a_home_whose_server_is_on_another_port_is_told_and_not_waited_for(tmp_path: Path) -> None:
    """A changed BURNISH_PREFECT_PORT is an error that names the port, not a run that hangs for ever."""
    folder = tmp_path / "prefect"
    folder.mkdir()
    (folder / "server.pid").write_text("4711")
    (folder / "server.port").write_text("4301")
    with (folder / "server.alive").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as a running server holds it
        with pytest.raises(ConfigError, match=r"process 4711\) is on port 4301; set BURNISH_PREFECT_PORT"):
            LocalServer(tmp_path, free_port()).ensure()
