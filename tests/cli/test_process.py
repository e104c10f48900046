"""What a shell sees: exit codes, streams, pipes, signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.conftest import Call, environment, run

from burnish.drivers.cli import main


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("--help",), 0),
        (("traces",), 0),
        (("nonsense",), 2),
        (("traces", "--limit", "none"), 2),
        (("traces", "--below", "correct"), 2),
        (("traces", "--since", "soon"), 2),
        (("traces", "show", "unknown"), 3),
        (("traces", "--text", "nothing-says-this"), 3),
        (("--project", "/nowhere/at/all", "traces"), 1),
        (("model", "fetch", "no-such-model"), 1),
    ],
)
def test_exit_codes_are_the_documented_ones(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    """0 ok, 1 an error to act on, 2 wrong usage, 3 nothing found: as `main` leaves with them."""
    for name in [name for name in os.environ if name.startswith("BURNISH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(project)
    with pytest.raises(SystemExit) as left:
        main([*arguments])
    assert code == left.value.code


def test_an_error_is_one_line_without_a_traceback(burnish: Call) -> None:
    """An error the user can act on is one line on stderr; BURNISH_DEBUG=1 shows where it came from."""
    plain = burnish("traces", "show", "unknown")
    assert ("", 1) == (plain.stdout, plain.stderr.count("\n"))
    assert plain.stderr.startswith("burnish: no trace 'unknown'")
    assert "Traceback" in burnish("traces", "show", "unknown", BURNISH_DEBUG="1").stderr


def test_a_wrong_variable_is_named(burnish: Call) -> None:
    """A setting that cannot be read is an error that names its variable."""
    answer = burnish("traces", BURNISH_SERVER_PORT="high")
    assert (1, True) == (answer.returncode, answer.stderr.startswith("burnish: BURNISH_SERVER_PORT: "))


def test_piped_output_has_no_colour(burnish: Call) -> None:
    """What goes into a pipe holds no escape codes."""
    for arguments in (("traces",), ("proposals",), ("pulls", "show", "1"), ("nights", "show", "support-desk")):
        assert "\x1b" not in burnish(*arguments).stdout


def test_a_pipe_that_closes_early_is_no_error(project: Path) -> None:
    """`burnish … | head -1` ends without a traceback and without an error code."""
    script = f'"{sys.executable}" -m burnish traces --limit 60 --json | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", script], cwd=project, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert ("[\n0\n", "") == (done.stdout, done.stderr)


def test_a_pipe_that_closes_before_a_long_answer_is_no_error(project: Path) -> None:
    """Also where the answer does not fit into the pipe, so that writing it fails and not the flush at the end."""
    script = (
        "import burnish.drivers.cli as cli\nfrom burnish.drivers.cli.app import app\n"
        "from burnish.drivers.cli.output import print_json\n"
        "app.command('long')(lambda: print_json(['x' * 1000] * 1000))\ncli.main(['long'])"
    )
    shell = f'"{sys.executable}" -c "{script}" | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", shell], cwd=project, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert ("0\n", "") == (done.stdout, done.stderr)


def test_reading_leaves_a_folder_as_it_was(tmp_path: Path) -> None:
    """A reading command in a folder without a project creates nothing and says what to do."""
    done = run("traces", cwd=tmp_path)
    assert (3, []) == (done.returncode, list(tmp_path.iterdir()))
    assert "burnish init" in done.stderr


def test_an_empty_list_is_still_json(tmp_path: Path) -> None:
    """With --json a program gets an empty array where there is nothing, beside exit code 3."""
    done = run("proposals", "--json", cwd=tmp_path)
    assert (3, []) == (done.returncode, json.loads(done.stdout))


def test_the_project_option_wins_over_the_variable(project: Path, tmp_path: Path) -> None:
    """--project decides; without it BURNISH_PROJECT does."""
    assert 0 == run("--project", str(project), "traces", cwd=tmp_path, BURNISH_PROJECT="/nowhere").returncode
    assert 0 == run("traces", cwd=tmp_path, BURNISH_PROJECT=str(project)).returncode


def test_the_projects_env_file_is_read(project: Path, tmp_path: Path) -> None:
    """Settings in the `.env` of the project named by --project count."""
    (tmp_path / ".env").write_text(f"BURNISH_HOME={project / '.burnish'}\n", encoding="utf-8")
    assert 0 == run("--project", str(tmp_path), "traces", cwd=Path("/")).returncode


def test_an_ascii_terminal_is_no_reason_to_crash(burnish: Call) -> None:
    """Text the terminal cannot encode is replaced."""
    answer = burnish("experiments", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert (0, "") == (answer.returncode, answer.stderr)


def test_help_pays_for_no_heavy_import(project: Path) -> None:
    """`burnish --help` imports none of the libraries that take long."""
    script = (
        "import sys\nfrom burnish.drivers.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=60)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    heavy = {"prefect", "openai", "sqlalchemy", "sklearn", "scipy", "numpy", "starlette", "httpx", "jinja2", "pydantic"}
    assert set() == loaded & heavy
    assert "typer" in loaded


def started(project: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "burnish", "serve", "--port", "0", *arguments],
        cwd=project, env=environment(PYTHONUNBUFFERED="1"), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    return process, line.removeprefix("Pages: ").strip()


def test_serve_answers_until_ctrl_c(project: Path) -> None:
    """`burnish serve` says where its pages are, shows them, and Ctrl-C ends it with 130 and no traceback."""
    import httpx

    process, url = started(project)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                answer = httpx.get(f"{url}/traces", trust_env=False)
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert 200 == answer.status_code
    finally:
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert 130 == process.returncode
    assert "Traceback" not in errors


def test_a_taken_port_is_an_error_to_act_on(project: Path) -> None:
    """A second server on the same port says so in one line."""
    process, url = started(project)
    try:
        done = run("serve", "--port", url.rpartition(":")[2], cwd=project)
        assert 1 == done.returncode
        assert "choose another --port" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        process.terminate()
        process.communicate(timeout=30)
