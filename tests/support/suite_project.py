"""An agent's repository that holds its own burnish project, its suite, and an agent of any kind."""

import sys
from collections.abc import Iterable
from pathlib import Path

from support.repositories import git

__all__ = ["PROMPT", "SuiteProject", "route"]

QUEUES = {"atlas": "invoice", "bravo": "parcel", "cedar": "password"}
PROMPT = "Route:\n\n- atlas: invoice\n- bravo: parcel\n- cedar: password\n"

_PYTHON = """import pathlib

def answer(text):
    prompt = pathlib.Path("prompts/router.md").read_text()
    for line in prompt.splitlines():
        queue, found, meaning = line.removeprefix("- ").partition(": ")
        if found and meaning in text:
            return queue
    if "crash" in prompt:
        raise ValueError("no line fits")
    return "atlas"
"""
_COMMAND = """import json, sys
from agent import answer
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"id": asked["id"], "output": answer(asked["input"])}), flush=True)
"""
_TARGETS = {
    "prompt": 'kind = "prompt"\nprompt = "prompts/router.md"\n',
    "python": 'kind = "python"\nentrypoint = "agent:answer"\nconcurrency = 1\n',
    "command": f'kind = "command"\ncommand = ["{sys.executable}", "-B", "main.py"]\nconcurrency = 1\n',
}
_EVALUATOR = "- kind: exact_match\n  name: right_queue\n  applies: {has_expected: true}\n"


def route(prompt: str, text: str) -> str:
    """Where a prompt sends a text."""
    for line in prompt.splitlines():
        queue, found, meaning = line.removeprefix("- ").partition(": ")
        if found and meaning in text:
            return queue
    return "atlas"


class SuiteProject:
    """The repository at `folder`, committed on main with a suite of `count` cases, of which some must pass."""

    def __init__(
        self,
        folder: Path,
        kind: str = "python",
        *,
        count: int = 12,
        must: Iterable[int] = (0, 1, 2),
        base_url: str = "",
    ) -> None:
        self.folder = folder
        self.write("prompts/router.md", PROMPT)
        self.write("agent.py", _PYTHON)
        self.write("main.py", _COMMAND)
        self.write("config/evaluators/queues.yaml", _EVALUATOR)
        self.write("evals/cases.yaml", "\n".join(self.case(number, number in must) for number in range(count)))
        self.write(".gitignore", ".burnish/\n__pycache__/\n")
        self.configure(kind, base_url)
        git(folder, "init", "-q", "-b", "main")
        self.commit()

    def configure(self, kind: str, base_url: str = "", more: str = "") -> None:
        """Write the agent's file."""
        text = (
            f'[repository]\nurl = "."\n\n[target]\n{_TARGETS[kind]}\n[improve]\nmetric = "right_queue"\n\n'
            f'[models.target]\nname = "fake"\nbase_url = "{base_url}"\n{more}'
        )
        self.write("config/agents/desk.toml", text)

    def write(self, path: str, text: str) -> None:
        """Write a file of the working tree."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def commit(self) -> str:
        """Commit the working tree."""
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "-m", "Change")
        return git(self.folder, "rev-parse", "HEAD")

    @staticmethod
    def case(number: int, must_pass: bool = False) -> str:
        """A case as YAML."""
        queue = list(QUEUES)[number % 3]
        more = "  must_pass: true\n" if must_pass else ""
        return f"- id: case-{number}\n  input: the {QUEUES[queue]} {number} is gone\n  expected: {queue}\n{more}"
