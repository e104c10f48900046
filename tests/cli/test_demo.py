"""What `burnish demo` does before and after its night."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.loopback import free_port

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.proposals import Edit, Proposal
from burnish.drivers.cli.demo import start_over
from burnish.drivers.cli.demo_page import show_night
from burnish.drivers.local_server import LocalServer

# Answers as Prefect's server does, keeps a file open in its home, and takes its time to end.
_SERVER = """
import http.server, os, pathlib, signal, sys, time

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"true")

def end(*_):
    time.sleep(0.5)
    (pathlib.Path(os.environ["PREFECT_HOME"]) / "prefect.db").write_text("the last of it")
    os._exit(0)

signal.signal(signal.SIGTERM, end)
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Health).serve_forever()
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """The server of the demo in `tmp_path / "demo"`, with a quick program in Prefect's place."""
    stand_in = tmp_path / "path" / "prefect"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").touch()
    (stand_in / "__main__.py").write_text(_SERVER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    made = LocalServer(tmp_path / "demo" / ".burnish", free_port())
    yield made
    made.stop()


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_fresh_demo_ends_the_server_of_the_last_one_first(server: LocalServer, tmp_path: Path) -> None:
    """Its port is free and its folder stays gone, whatever it still wrote at its end; the next one starts anew."""
    assert server.ensure()
    start_over(tmp_path / "demo", server.port)
    assert (False, False) == (server.running(), (tmp_path / "demo").exists())
    assert server.ensure()
    assert server.stop()
    assert not server.stop()


def test_a_stale_pid_ends_nobody(server: LocalServer, tmp_path: Path) -> None:
    """The server died with its machine and somebody else has its number now."""
    folder = tmp_path / "demo" / ".burnish" / "prefect"
    folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as other:
        (folder / "server.pid").write_text(str(other.pid))
        assert not server.stop()
        assert other.poll() is None
        os.kill(other.pid, 0)
        other.communicate(b"\n")
    assert other.returncode == 0


def test_a_demo_without_a_past_starts(server: LocalServer, tmp_path: Path) -> None:
    """There is nothing to stop and nothing to remove."""
    start_over(tmp_path / "demo", server.port)
    assert not (tmp_path / "demo").exists()


def test_what_models_wrote_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets are no markup, and nothing in it moves the terminal or turns the reading direction."""
    edits = (Edit(path="prompts/router.md", search="- atlas", replace="- atlas: [bold]cards\u202e"),)
    proposal = Proposal(
        id="p", agent="desk", night="desk/2026-03-01", base_commit="c", title="Say what [atlas] means",
        rationale="Not [/urgent]: \x1b[2J", edits=edits, created_at=utc_now(),
    )  # fmt: skip
    with Store.open(f"sqlite:///{tmp_path / 'burnish.sqlite3'}") as store:
        store.proposals.add([proposal])
        show_night(store, {"chosen": "p", "report": "## Night\n\nIt [/fails] \x1b]0;owned\x07 here."})
    shown = capsys.readouterr().out
    assert "Say what [atlas] means" in shown
    assert "Not [/urgent]: ⟨U+001B⟩[2J" in shown
    assert "+- atlas: [bold]cards⟨U+202E⟩" in shown
    assert "It [/fails] ⟨U+001B⟩]0;owned⟨U+0007⟩ here." in shown
    assert "\x1b" not in shown
