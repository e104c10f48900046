"""Read files of an agent's version, and nothing outside it."""

import json
from pathlib import Path

from burnish.domain.base import Json
from burnish.errors import TargetError

__all__ = ["read_json", "read_text"]


def read_text(root: Path, relative: str) -> str:
    """The text of a file in the agent's repository.

    Raises TargetError where it is missing, not UTF-8, or reached through a link that leads out of the repository.
    """
    path = (root / relative).resolve()
    if not path.is_relative_to(root.resolve()):
        raise TargetError(f"'{relative}' leads out of the agent's repository; name a file inside it")
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise TargetError(f"no file '{relative}' in the agent's repository; correct [target] or commit it") from error
    except UnicodeDecodeError as error:
        raise TargetError(f"'{relative}' in the agent's repository is not UTF-8 text: {error}") from error


def read_json(root: Path, relative: str) -> Json:
    """The JSON value of a file in the agent's repository. Raises TargetError."""
    try:
        value: Json = json.loads(read_text(root, relative))
    except ValueError as error:
        raise TargetError(f"'{relative}' in the agent's repository is not JSON: {error}") from error
    return value
