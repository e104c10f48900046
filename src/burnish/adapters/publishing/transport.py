"""How git is spoken to: which URLs and branches are fit, with what environment, and what its refusals become."""

import base64
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from git.exc import GitError

from burnish.errors import PublishError

__all__ = ["check_branch", "git_environment", "refusals", "resolve_url"]

_SCHEMES = ("https://", "http://", "ssh://", "file://")
_SCP = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^\s-]\S*")


def resolve_url(url: str, project: Path) -> str:
    """The URL as git takes it; a path is made absolute, starting at `project`.

    Raises PublishError for transports that run commands, for passwords in the URL and for option-like text.
    """
    if url.startswith(_SCHEMES):
        if re.match(r"https?://[^/]*@", url):
            raise PublishError("the repository's URL holds credentials; take them out and set BURNISH_GITHUB_TOKEN")
        return url
    if _SCP.fullmatch(url):
        return url
    if "::" in url or url.startswith("-") or "://" in url:
        raise PublishError(f"'{url}' is no repository burnish opens; use https, ssh, user@host:path or a folder")
    path = Path(url).expanduser()
    return str((path if path.is_absolute() else project / path).resolve())


def check_branch(name: str) -> str:
    """`name` if git takes it as a branch. Raises PublishError."""
    wrong = (
        not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", name)
        or ".." in name
        or "//" in name
        or name.endswith(("/", "."))
        or any(part.startswith(".") or part.endswith(".lock") for part in name.split("/"))
    )
    if wrong:
        raise PublishError(f"'{name}' is no branch name burnish uses; keep to letters, digits, '-', '_', '.' and '/'")
    return name


def git_environment(url: str, token: str | None) -> dict[str, str]:
    """Variables that make git quiet and harmless; `token` becomes a header for the host of an https `url` alone."""
    config = {
        "core.hooksPath": "/dev/null",
        "core.fsmonitor": "false",
        "protocol.ext.allow": "never",
        "commit.gpgSign": "false",
        "gc.auto": "0",
    }
    if token and url.startswith("https://"):
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        host = "/".join(url.split("/")[:3])
        config[f"http.{host}/.extraHeader"] = f"Authorization: Basic {basic}"
    numbered = {"GIT_CONFIG_COUNT": str(len(config)), "GIT_TERMINAL_PROMPT": "0"}
    for number, (key, value) in enumerate(config.items()):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered


@contextlib.contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Turn git's errors into ours. Headers and environment are no part of git's messages, so no token shows."""
    try:
        yield
    except (GitError, OSError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().removeprefix("stderr:").strip(" '\n")
        raise PublishError(f"cannot {doing}: {said[-600:]}") from error
