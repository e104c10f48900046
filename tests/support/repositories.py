"""Real git repositories for tests: an agent's bare remote with prompts in it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["FILES", "bare_remote", "commit_files", "git"]

FILES = {
    "prompts/router.md": "Route for {{ company }}:\n\n- atlas\n- bravo\n\nAnswer with one queue.\n",
    "src/agent.py": "def answer(text):\n    return 'atlas'\n",
}

_WHO = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"), ("DATE", "2026-01-01T00:00:00Z"))
}


def git(folder: Path, *arguments: str) -> str:
    """Run git as the person Ada, without anybody's configuration."""
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        **_WHO,
    }
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def bare_remote(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    """A bare repository with one commit on main."""
    remote = folder / "remote.git"
    remote.mkdir(parents=True)
    git(remote, "init", "--bare", "-q", "-b", "main")
    work = folder / "ada"
    git(folder, "clone", "-q", str(remote), str(work))
    git(work, "checkout", "-q", "-B", "main")
    commit_files(work, files, "Start")
    return remote


def commit_files(work: Path, files: Mapping[str, str], message: str, branch: str = "main") -> str:
    """Write, commit and push files from Ada's working copy; returns the commit."""
    for path, text in files.items():
        place = work / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", message)
    git(work, "push", "-q", "origin", f"HEAD:{branch}")
    return git(work, "rev-parse", "HEAD")
