"""GitHub's REST endpoints that PyGithub calls, on loopback: strict about requests, with a state of its own."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["FakeGitHub", "fake_github"]

TOKEN = "ghp_test"


class FakeGitHub:
    """One repository `acme/desk` whose branches are those of a real bare repository."""

    def __init__(self, remote: Path) -> None:
        self.remote = remote
        self.pulls: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[str]] = {}
        self.requests: list[tuple[str, str]] = []
        self.failing: set[str] = set()  # endings of paths that answer 500
        self.ignore_head_filter = False  # as Forgejo does
        self.url = ""

    def branch(self, name: str) -> str | None:
        """The commit of a branch."""
        done = subprocess.run(
            ["git", "-C", str(self.remote), "rev-parse", "--verify", "-q", f"refs/heads/{name}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.strip() or None

    def open_pull(self, fields: Any) -> tuple[int, Any]:
        """POST /pulls, with GitHub's validations."""
        if not isinstance(fields, dict) or not {"title", "head", "base"} <= fields.keys():
            return invalid("missing_field")
        if set(fields) - {"title", "head", "base", "body", "draft", "maintainer_can_modify"}:
            return invalid("unknown field")
        head, base = str(fields["head"]).removeprefix("acme:"), str(fields["base"])
        if self.branch(head) is None or self.branch(base) is None:
            return invalid("head or base invalid")
        if self.branch(head) == self.branch(base):
            return invalid(f"No commits between {base} and {head}")
        if not str(fields["title"]).strip() or len(str(fields.get("body", ""))) > 65536:
            return invalid("title or body invalid")
        if any(pull["state"] == "open" and pull["head"]["ref"] == head for pull in self.pulls.values()):
            return invalid(f"A pull request already exists for acme:{head}.")
        number = len(self.pulls) + 1
        api = f"{self.url}/repos/acme/desk"
        self.pulls[number] = {
            "number": number,
            "state": "open",
            "title": fields["title"],
            "body": fields.get("body"),
            "merged_at": None,
            "html_url": f"https://github.example/acme/desk/pull/{number}",
            "url": f"{api}/pulls/{number}",
            "issue_url": f"{api}/issues/{number}",
            "head": {"ref": head, "sha": self.branch(head), "label": f"acme:{head}"},
            "base": {"ref": base, "sha": self.branch(base), "label": f"acme:{base}"},
            "labels": [],
        }
        return 201, self.pulls[number]

    def answer(self, method: str, path: str, query: dict[str, list[str]], fields: Any) -> tuple[int, Any]:
        """Route one request."""
        if any(path.endswith(ending) for ending in self.failing):
            return 500, {"message": "planned failure"}
        if path == "/repos/acme/desk/pulls" and method == "POST":
            return self.open_pull(fields)
        if path == "/repos/acme/desk/pulls" and method == "GET":
            state, head = query.get("state", ["open"])[0], query.get("head", [""])[0]
            if head and ":" not in head:
                return invalid("head must be owner:branch")
            return 200, [
                pull
                for pull in reversed(self.pulls.values())
                if (state == "all" or pull["state"] == state)
                and (not head or self.ignore_head_filter or pull["head"]["label"] == head)
            ]
        if path == "/repos/acme/desk" and method == "GET":
            return 200, {"full_name": "acme/desk", "url": f"{self.url}/repos/acme/desk"}
        match = re.fullmatch(r"/repos/acme/desk/(pulls|issues)/(\d+)(/labels|/comments)?", path)
        if match is None or int(match[2]) not in self.pulls:
            return 404, {"message": "Not Found"}
        pull = self.pulls[int(match[2])]
        if match[1] == "pulls" and match[3] is None and method in ("GET", "PATCH"):
            pull.update(fields or {})
            return 200, pull
        if match[1] == "issues" and match[3] == "/labels" and method == "POST":
            names = fields["labels"] if isinstance(fields, dict) else fields
            if not all(isinstance(name, str) for name in names):
                return invalid("labels")
            present = {label["name"] for label in pull["labels"]}
            pull["labels"].extend({"name": name} for name in names if name not in present)
            return 200, pull["labels"]
        if match[1] == "issues" and match[3] == "/comments" and method == "POST" and fields.get("body"):
            self.comments.setdefault(pull["number"], []).append(fields["body"])
            return 201, {"id": 1, "body": fields["body"], "url": f"{self.url}/c/1"}
        return 405, {"message": f"{method} {path} is not faked"}

    def close(self, number: int, *, merged: bool) -> None:
        """What a person does on the site."""
        self.pulls[number]["state"] = "closed"
        self.pulls[number]["merged_at"] = "2026-03-01T00:00:00Z" if merged else None


def invalid(why: str) -> tuple[int, Any]:
    """GitHub's 422."""
    return 422, {"message": "Validation Failed", "errors": [{"message": why}]}


@contextmanager
def fake_github(remote: Path) -> Iterator[FakeGitHub]:
    """Serve a FakeGitHub on loopback while the block runs; `url` is its api_url."""
    fake = FakeGitHub(remote)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            fake.requests.append((self.command, parts.path))
            try:
                fields = json.loads(body) if body else None
            except ValueError:
                status, answer = 400, {"message": "Problems parsing JSON"}
            else:
                if self.headers.get("Authorization") not in (f"token {TOKEN}", f"Bearer {TOKEN}"):
                    status, answer = 401, {"message": "Bad credentials"}
                else:
                    status, answer = fake.answer(
                        self.command, parts.path.removeprefix("/api/v3"), parse_qs(parts.query), fields
                    )
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/api/v3"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
