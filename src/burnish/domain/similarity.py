"""Which texts say nearly the same, found without comparing every text with every other.

Similarity is the share of characters that two texts have in common in order (rapidfuzz `ratio`), once as they stand
and once with their words sorted, whichever is larger. `token_set_ratio` would be the usual name for this, but it gives
100 to any text whose words are contained in another's, so one short message ties hundreds of long ones together.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from burnish.domain.base import Json
from burnish.domain.trajectories import text_of

__all__ = ["Lookalikes", "normalised", "text_of_input"]

LONGEST = 2_000  # characters compared; the time grows with the square
RAREST = 6  # words looked up per text

_WORD = re.compile(r"\w+")


def text_of_input(value: Json) -> str:
    """What the user said, out of an agent's input: strings as they are, chat messages without the system's."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(
            text_of_input(item) for item in value if not (isinstance(item, dict) and item.get("role") == "system")
        )
    if isinstance(value, dict):
        if isinstance(value.get("messages"), list):
            return text_of_input(value["messages"])
        if "role" in value and "content" in value:
            return text_of_input(value["content"])
        # Keys are the same in every input of an agent and would make all of them alike.
        return "\n".join(text for key in sorted(value) if (text := text_of_input(value[key])))
    return text_of(value)


def normalised(text: str) -> str:
    """Lower case, words only, single spaces, cut to both ends of `LONGEST` characters."""
    plain = " ".join(_WORD.findall(text.casefold())) or text.strip()
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST // 2]} {plain[-LONGEST // 2 :]}"


class Lookalikes:
    """Groups texts as they come: `find` names the earlier texts that one resembles.

    Only texts that share one of their rarest words and are of similar length are compared; `words` says how often a
    word occurs overall, so that "rare" means the same for every text. Two texts of few words can in principle be alike
    in letters and share no word; those are missed. With `lasting` the words looked up are chosen by their hash instead:
    slower where many texts share common words, but what a text resembles then never depends on texts that come later.
    """

    def __init__(self, texts: Sequence[str], threshold: float, *, lasting: bool = False) -> None:
        self._threshold = threshold
        self._texts = [normalised(text) for text in texts]
        self._lengths = [len(text) for text in self._texts]
        self._sorted = [" ".join(sorted(text.split())) for text in self._texts]
        if lasting:
            self._keys = [_hashed(text) for text in self._texts]
        else:
            counts = Counter(word for text in set(self._texts) for word in set(text.split()))
            self._keys = [_rarest(text, counts) for text in self._texts]
        self._postings: dict[str, list[int]] = defaultdict(list)
        self._exact: dict[str, int] = {}

    def add(self, index: int) -> None:
        """Make text `index` one that later texts can resemble."""
        if self._exact.setdefault(self._texts[index], index) == index:
            for key in self._keys[index]:
                self._postings[key].append(index)

    def exact(self, index: int) -> int | None:
        """The first text added that is equal once normalised."""
        return self._exact.get(self._texts[index])

    def find(self, index: int, component: Callable[[int], int]) -> Iterator[int]:
        """Texts added before that resemble text `index`, one of each component.

        `component` says what a text is already joined with. The first member of each is compared before the others,
        and where it resembles, the others are left out: thousands of messages from one template stay quick.
        """
        length = self._lengths[index]
        if not length:
            return
        # A ratio of t leaves at most a length ratio of t / (2 - t).
        shortest = length * self._threshold / (2 - self._threshold)
        longest = length * (2 - self._threshold) / self._threshold
        candidates: set[int] = set().union(*(self._postings[key] for key in self._keys[index]))
        first: dict[int, int] = {}
        others: list[tuple[int, int]] = []
        for other in sorted(candidates):
            if shortest <= self._lengths[other] <= longest:
                root = component(other)
                if first.setdefault(root, other) != other:
                    others.append((root, other))
        found = self._alike(index, list(first.values()))
        yield from found
        matched = {component(other) for other in found}
        for other in self._alike(index, [other for root, other in others if root not in matched]):
            root = component(other)
            if root not in matched:
                matched.add(root)
                yield other

    def _alike(self, index: int, others: Sequence[int]) -> list[int]:
        from rapidfuzz import fuzz, process

        found: list[int] = []
        for column in (self._texts, self._sorted):
            if not others:
                break
            cutoff = 100 * self._threshold
            scores = process.cdist(
                [column[index]], [column[other] for other in others], scorer=fuzz.ratio, score_cutoff=cutoff
            )[0]
            found.extend(other for other, score in zip(others, scores, strict=True) if score >= cutoff)
            others = [other for other, score in zip(others, scores, strict=True) if score < cutoff]
        return sorted(found)


def _rarest(text: str, counts: Mapping[str, int]) -> tuple[str, ...]:
    # A word that no other text has cannot be shared.
    words = [word for word in set(text.split()) if counts[word] > 1]
    return tuple(sorted(words, key=lambda word: (counts[word], word))[:RAREST])


def _hashed(text: str) -> tuple[str, ...]:
    """The same of the words of two texts that share most of them, as far as both have them."""
    return tuple(sorted(set(text.split()), key=lambda word: hashlib.sha256(word.encode()).digest())[:RAREST])
