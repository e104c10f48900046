"""Installs tiny packages into a folder of a test, so that their entry points are found."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def install(folder: Path, name: str, modules: Mapping[str, str], sources: Mapping[str, str]) -> None:
    """Lay a package down as an installer does: its modules, and metadata with the entry points of `burnish.sources`."""
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text, encoding="utf-8")
    facts = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = "".join(f"{kind} = {value}\n" for kind, value in sources.items())
    (facts / "entry_points.txt").write_text(f"[burnish.sources]\n{points}")


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Modules of `folder` can be imported in the block, and are forgotten after it."""
    sys.path.insert(0, os.fspath(folder))
    known = set(sys.modules)
    try:
        yield
    finally:
        sys.path.remove(os.fspath(folder))
        for name in set(sys.modules) - known:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if origin.startswith(os.fspath(folder)):
                del sys.modules[name]
