"""A private PostgreSQL for a test session: its own folder, its own port, nothing shared, nothing flushed to disk."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from support.loopback import free_port

SERVER_USER = "postgres"  # the server refuses to run as root


def server_programs() -> Path:
    """The folder with initdb and postgres, or a skip that says where it was looked for."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.skip("needs PostgreSQL's initdb and postgres on the PATH or in /usr/lib/postgresql/*/bin")


def run_as() -> dict[str, str | int]:
    """How a child process drops root, as keywords for subprocess."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam(SERVER_USER)
    except KeyError:
        pytest.skip(f"PostgreSQL does not run as root and there is no user '{SERVER_USER}'")
    return {"user": account.pw_uid, "group": account.pw_gid}


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server and give its URL without a database: `postgresql+psycopg://tester@127.0.0.1:<port>`."""
    programs, account = server_programs(), run_as()
    # Not below pytest's own folder, which only the user who runs the tests may enter.
    folder = Path(tempfile.mkdtemp(prefix="burnish-postgres-"))
    try:
        if account:
            os.chown(folder, int(account["user"]), int(account["group"]))
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
            **account,
        )
        port = free_port()
        options = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 100,
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *arguments], stdout=log, stderr=log, cwd=folder, **account
            )
        try:
            _wait(port, process, folder / "log")
            yield f"postgresql+psycopg://tester@127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGQUIT)  # stop at once; the folder goes anyway
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def execute(server: str, statement: str) -> None:
    """Run one statement outside a transaction, in the server's own database."""
    with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        connection.execute(statement)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://tester@127.0.0.1:{port}/postgres").close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.05)
