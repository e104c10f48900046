"""Cases as pytest tests, in a pytest of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.suite_project import PROMPT, SuiteProject

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str, source: Path = ROOT / "src") -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BURNISH_", "PYTEST_"))}
    more = {"PYTHONPATH": str(source), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = ("-p", "burnish.pytest_plugin", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *plugins, "-W", "error", "-rA", "--rootdir", str(folder), *arguments]
    return subprocess.run(command, cwd=folder, env={**kept, **more}, capture_output=True, text=True, timeout=240)


def test_cases_run_as_tests(tmp_path: Path) -> None:
    """A must-pass case that fails fails its test; another is an expected failure, and strictly a failure."""
    project = SuiteProject(tmp_path, count=6, must=[0, 1])
    project.write("prompts/router.md", PROMPT.replace("bravo: parcel", "bravo: things"))
    done = run(tmp_path, "--burnish-agent", "desk", "evals/")
    assert 1 == done.returncode, done.stdout + done.stderr
    assert "1 failed, 4 passed, 1 xfailed" in done.stdout
    assert "case 'case-1': right_queue 0.00" in done.stdout
    assert "expected: bravo\noutput:   atlas" in done.stdout
    strict = run(tmp_path, "--burnish-agent", "desk", "--burnish-strict", "evals/")
    assert "2 failed, 4 passed" in strict.stdout


def test_without_an_agent_nothing_is_collected(tmp_path: Path) -> None:
    """Other people's pytest is left alone, and pays for no import of ours."""
    SuiteProject(tmp_path, count=1)
    (tmp_path / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n"
        "    assert ['burnish', 'burnish.pytest_plugin'] == sorted(m for m in sys.modules if m.startswith('burnish'))\n"
        "    assert not {'pydantic', 'git', 'yaml'} & set(sys.modules)\n"
    )
    done = run(tmp_path)
    assert (0, True) == (done.returncode, "1 passed" in done.stdout), done.stdout + done.stderr


def test_the_plugin_imports_the_standard_library_alone() -> None:
    """Not even pytest, whose versions differ in what they name."""
    code = (
        "import sys; import burnish.pytest_plugin; "
        "print(*{m.partition('.')[0] for m in sys.modules} - set(sys.stdlib_module_names) - {'__main__'})"
    )
    environment = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True)
    assert ("burnish\n", "") == (done.stdout, done.stderr)


def test_a_broken_burnish_breaks_no_foreign_run(tmp_path: Path) -> None:
    """Half an installation, of which the rest cannot be imported, is noticed by those alone who name an agent."""
    (tmp_path / "half" / "burnish").mkdir(parents=True)
    for name in ("__init__.py", "pytest_plugin.py"):
        shutil.copy(ROOT / "src" / "burnish" / name, tmp_path / "half" / "burnish")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "test_own.py").write_text("def test_own():\n    pass\n")
    (tmp_path / "own" / "data.yaml").write_text("- id: a\n")
    done = run(tmp_path / "own", source=tmp_path / "half")
    assert (0, True) == (done.returncode, "1 passed" in done.stdout), done.stdout + done.stderr


def test_what_an_agent_says_acts_on_no_terminal(tmp_path: Path) -> None:
    """Escape sequences in errors, in outputs and in the ids of cases are written out, whatever becomes of the case."""
    project = SuiteProject(tmp_path, count=0, must=[])
    project.write(
        "agent.py",
        "def answer(text):\n    if 'odd' in text:\n        raise ValueError('\\x1b[31mred')\n    return '\\x1b]0;x'\n",
    )
    case = '- id: "{0}\\e[1m"\n  input: {0}\n  expected: atlas\n  must_pass: {1}\n'
    lines = [case.format(*one) for one in (("odd", "false"), ("odd2", "true"), ("plain", "false"), ("plain2", "true"))]
    project.write("evals/cases.yaml", "".join(lines))
    done = run(tmp_path, "--burnish-agent", "desk", "evals/")
    assert "2 failed, 2 xfailed" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert 2 <= done.stdout.count("⟨U+001B⟩[31mred")
    project.write(
        "config/evaluators/queues.yaml",
        "- kind: exact_match\n  name: right_queue\n  applies: {has_expected: true}\n- kind: nonsense\x1b[1m\n",
    )
    broken = run(tmp_path, "--burnish-agent", "desk", "evals/")
    assert "\x1b" not in broken.stdout + broken.stderr


def test_a_case_file_that_git_ignores_is_said_to_be(tmp_path: Path) -> None:
    """It is collected from the disk, while the agent is run on what git would commit."""
    project = SuiteProject(tmp_path, count=1)
    project.write(".gitignore", ".burnish/\nlocal.yaml\n")
    project.write("evals/local.yaml", project.case(4))
    done = run(tmp_path, "--burnish-agent", "desk", "evals/")
    assert (1, True) == (done.returncode, "1 failed, 1 passed" in done.stdout), done.stdout + done.stderr
    assert "burnish: case 'case-4' was not run: " in done.stdout
    assert "local.yaml is no part of the checkout. Does git ignore it" in done.stdout
    assert "KeyError" not in done.stdout


def test_other_yaml_is_left_alone_and_a_broken_case_file_is_an_error(tmp_path: Path) -> None:
    """Only files in evals/ are cases; one that cannot be read says where."""
    project = SuiteProject(tmp_path, count=1)
    project.write("evals/cases.yaml", "- id: a\n  inptu: 1\n")
    done = run(tmp_path, "--burnish-agent", "desk")
    assert (2, True) == (done.returncode, "cases.yaml:1: case 'a'" in done.stdout), done.stdout + done.stderr
    assert "queues.yaml" not in done.stdout
    unknown = run(tmp_path, "--burnish-agent", "none", "evals/")
    assert "no agent 'none'" in unknown.stderr
