"""Texts as vectors. The default needs no network and no key; any endpoint can be plugged in through a function."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from burnish.errors import ConfigError

__all__ = ["CallableEmbedder", "Embedder", "TfidfEmbedder", "Vectors", "WordLlamaEmbedder", "open_embedder"]

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into rows of unit length; a text without content becomes a row of zeros."""

    @property
    def name(self) -> str:
        """What `[cluster] embedder` calls it."""
        ...

    @property
    def comparable(self) -> bool:
        """Whether vectors of two calls can be compared, so that centroids live on from night to night."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimensions)."""
        ...


class WordLlamaEmbedder:
    """Averaged static word vectors from the wordllama wheel: 256 dimensions, tens of thousands of texts a second."""

    name = "wordllama"
    comparable = True

    def __init__(self) -> None:
        self._model: Any = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed on the CPU. Raises ConfigError where the installed wheel lacks its weights."""
        if self._model is None:
            self._model = _load_wordllama()
        vectors = np.zeros((len(texts), 256), dtype=np.float32)
        said = [row for row, text in enumerate(texts) if text.strip()]
        if said:
            vectors[said] = _unit(self._model.embed([texts[row] for row in said]))
        return vectors


class TfidfEmbedder:
    """Character n-grams weighted by rarity, reduced by SVD: no model at all, and bound to the texts of one call."""

    name = "tfidf"
    comparable = False

    def __init__(self, dimensions: int = 100) -> None:
        self._dimensions = dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Fit on `texts` and embed them."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        if not any(text.strip() for text in texts):
            return np.zeros((len(texts), 1), dtype=np.float32)
        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=20_000)
        matrix = vectorizer.fit_transform(texts)
        dimensions = min(self._dimensions, min(matrix.shape) - 1)
        if dimensions < 2:
            return _unit(matrix.toarray())
        return _unit(TruncatedSVD(dimensions, random_state=0).fit_transform(matrix))


class CallableEmbedder:
    """Any function from texts to vectors, for example a client of an embeddings endpoint."""

    comparable = True

    def __init__(self, name: str, call: Callable[[list[str]], Sequence[Sequence[float]]]) -> None:
        self.name = name
        self._call = call

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Call the function once; whatever it raises goes through. Raises ValueError for a wrong number of rows."""
        if not texts:
            return np.zeros((0, 1), dtype=np.float32)
        vectors = np.asarray(self._call(list(texts)), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ValueError(f"embedder {self.name} gave {vectors.shape} for {len(texts)} texts; expected a row a text")
        return _unit(vectors)


def open_embedder(
    name: str, endpoint: Callable[[str], Callable[[list[str]], Sequence[Sequence[float]]]] | None = None
) -> Embedder:
    """The embedder that `[cluster] embedder` names.

    `endpoint` makes the function for "openai:<model>". Raises ConfigError that lists what there is.
    """
    if name == "wordllama":
        return WordLlamaEmbedder()
    if name == "tfidf":
        return TfidfEmbedder()
    kind, _, model = name.partition(":")
    if kind == "openai" and model and endpoint is not None:
        return CallableEmbedder(name, endpoint(model))
    if kind == "openai" and model:
        raise ConfigError(f"[cluster] embedder = '{name}' needs an endpoint; set one, or use 'wordllama' or 'tfidf'")
    raise ConfigError(f"[cluster] embedder = '{name}' is unknown; use 'wordllama', 'tfidf' or 'openai:<model>'")


def _unit(vectors: Any) -> Vectors:
    # An endpoint's NaN, or the mean of no words, would poison every distance.
    rows = np.nan_to_num(np.asarray(vectors, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-9)
    return unit


def _load_wordllama() -> Any:
    with _logging_untouched():
        import wordllama
        from wordllama import WordLlama

    folder = Path(wordllama.__file__).parent
    try:
        # Its loader looks for the tokenizer in `tokenizer/` while the wheel has `tokenizers/`, and then goes to the
        # network. As a cache folder, the package itself has both parts where they are looked for.
        return WordLlama.load(cache_dir=folder, disable_download=True)
    except FileNotFoundError as error:
        raise ConfigError(
            f"wordllama is installed without its weights in {folder}; reinstall it, or set [cluster] embedder = 'tfidf'"
        ) from error


@contextmanager
def _logging_untouched() -> Iterator[None]:
    # Importing wordllama calls logging.basicConfig, which would print every library's INFO lines from then on.
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
