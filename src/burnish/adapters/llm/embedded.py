"""A real model without a key: llama.cpp's OpenAI-compatible server inside this process, on loopback."""

import os
import sys
import urllib.request
from pathlib import Path
from typing import Any, Self

from burnish.errors import ConfigError, ModelError

__all__ = ["EmbeddedServer"]


class EmbeddedServer:
    """Serves one GGUF file. Start it once a process; it ends with the process, or with `close`.

    `slots` requests are worked on at once and share `threads` CPU threads; each has `n_ctx` tokens of context, kept
    modest because memory grows with it. A request goes to the slot that holds the most of its beginning, so that each
    version of a prompt under test keeps a slot and is not read again for every call.
    """

    def __init__(
        self, gguf: Path, *, alias: str, n_ctx: int = 4096, slots: int = 4, threads: int | None = None, batch: int = 512
    ) -> None:
        self._gguf = gguf
        self._alias = alias
        self._n_ctx = n_ctx
        self._slots = slots
        self._threads = threads or min(_cores(), 8)
        self._batch = batch
        self._server: Any = None
        self.base_url = ""

    def start(self) -> None:
        """Load the weights and listen on a free port.

        Raises ConfigError where xllamacpp is not installed, ModelError where the server does not answer.
        """
        try:
            import xllamacpp
        except ImportError as error:
            raise ConfigError(
                "the embedded model needs xllamacpp: pip install 'burnish[local]', or set BURNISH_MODEL_BASE_URL"
            ) from error
        params = xllamacpp.CommonParams()
        params.model.path = str(self._gguf)
        params.model_alias = {self._alias}
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.n_parallel = self._slots
        params.n_ctx = self._n_ctx * self._slots
        params.n_batch = self._batch
        params.n_ubatch = self._batch
        params.cpuparams.n_threads = self._threads
        params.cpuparams_batch.n_threads = self._threads
        # Threads that wait by spinning take the cores from everything else: beside another load, calls took 50 times
        # as long.
        params.cpuparams.poll = 0
        params.cpuparams_batch.poll = 0
        params.cache_prompt = True
        # Room for the states of prompts that no slot holds: without it two calls at once evict each other.
        params.cache_ram_mib = 1024
        params.use_jinja = True
        params.verbosity = 0
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelError(f"the embedded model does not start from {self._gguf}: {error}") from error
        self.base_url = f"{self._server.listening_address.rstrip('/')}/v1"
        request = urllib.request.Request(f"{self.base_url}/models")  # noqa: S310 - our own loopback address
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request, timeout=60).close()
        except OSError as error:
            raise ModelError(f"the embedded model does not answer at {self.base_url}: {error}") from error

    def close(self) -> None:
        """Stop the server and give its memory back; nothing happens where it is not running."""
        self._server = None  # the last reference: its destructor stops the server's threads
        self.base_url = ""

    def __enter__(self) -> Self:
        if self._server is None:
            self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _cores() -> int:
    """The cores this process may use; macOS does not tell which."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
