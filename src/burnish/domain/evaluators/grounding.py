"""Whether an answer stands on what was retrieved: its citations are there, its words and figures are."""

import re
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from burnish.domain.evaluators.base import CodeCheck, EvaluationContext, EvaluatorError, Score
from burnish.domain.evaluators.output import OutputError, as_text, normal, output_at
from burnish.domain.evaluators.retrieved import Document, Sources, sources_of
from burnish.domain.evaluators.words import content_words, figures, known_words, sentences_of
from burnish.domain.patterns import compiled, find_all
from burnish.domain.trajectories import shorten, text_of

__all__ = ["Citations", "Grounded"]

_URL: Final = re.compile(r"https?://[^\s<>\"')\]]+")
_QUOTE: Final = re.compile(r"[\"“„»]([^\"“”„«»\n]{8,600})[\"”“«]")
_NUMBER: Final = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_WHOLE_TEXT: Final = 2_000_000


class Citations(CodeCheck):
    """What the answer cites is among what was retrieved, and it cites `minimum` things at least.

    `style` says how it cites: `quotes` (passages in quotation marks, found word by word in a source apart from case and
    spaces), `urls`, `numbers` ([1], counted in the order in which documents came) or `pattern`: a regular expression
    whose first group is an id, title or path of a document. A trace where nothing was retrieved cannot be judged.
    """

    kind: ClassVar[str] = "citations"

    style: Literal["quotes", "urls", "numbers", "pattern"] = "urls"
    pattern: str | None = None
    minimum: int = Field(default=1, ge=0)
    sources: Sources = "both"
    path: str | None = None

    @model_validator(mode="after")
    def _pattern_fits(self) -> Self:
        if (self.pattern is None) is (self.style == "pattern"):
            raise ValueError("pattern goes with style: pattern, and only with it")
        if self.pattern is not None and compiled(self.pattern).groups < 1:
            raise ValueError("pattern needs a group around the id, for example \\[(doc-\\d+)\\]")
        return self

    def check(self, context: EvaluationContext) -> Score:
        """1 where all citations are there; the comment names those that are not."""
        documents = sources_of(context, self.sources)
        if not documents:
            raise EvaluatorError("nothing was retrieved that could be cited")
        try:
            cited = self._cited(as_text(output_at(context, self.path)))
        except OutputError as error:
            return Score.passed(False, str(error))
        if len(cited) < self.minimum:
            return Score.passed(False, f"{len(cited)} citations, at least {self.minimum} expected")
        invented = [item for item in cited if not self._there(item, documents)]
        return Score.passed(
            not invented,
            shorten("not in what was retrieved: " + "; ".join(invented), 500)
            if invented
            else f"{len(cited)} citations, all there",
        )

    def _cited(self, text: str) -> list[str]:
        if self.style == "urls":
            found = [url.rstrip(".,;:!?") for url in _URL.findall(text)]
        elif self.style == "quotes":
            found = _QUOTE.findall(text)
        elif self.style == "numbers":
            found = [number for group in _NUMBER.findall(text) for number in re.split(r"\s*[,;]\s*", group)]
        else:
            found = [match[1] for match in find_all(self.pattern or "", text) if match[1]]
        return list(dict.fromkeys(found))

    def _there(self, item: str, documents: list[Document]) -> bool:
        if self.style == "numbers":
            return 1 <= int(item) <= len(documents)
        if self.style == "quotes":
            wanted = _plain(item)
            return any(wanted in _plain(document.text) for document in documents)
        return any(item in document.names or item in document.text for document in documents)


class Grounded(CodeCheck):
    """The share of the answer's sentences that stand on the sources: a cheap first look, not a proof.

    A sentence stands where `overlap` of its content words occur in the sources and, with `figures`, each of its numbers
    does. Sources are retrieved documents and tool results, and what the user said. Sentences of fewer than `words`
    content words are not counted. With a `threshold` the score is 1 or 0, without it the share. It knows words, not
    meaning: a denied fact has the same words as the fact. Let a judge read what fails here.
    """

    kind: ClassVar[str] = "grounded"

    overlap: float = Field(default=0.6, gt=0, le=1)
    threshold: float | None = Field(default=0.8, ge=0, le=1)
    figures: bool = True
    words: int = Field(default=3, ge=1)
    sources: Sources = "both"
    path: str | None = None

    def check(self, context: EvaluationContext) -> Score:
        """The share of sentences that stand, or whether it reaches the threshold."""
        documents = sources_of(context, self.sources)
        if not documents:
            raise EvaluatorError("nothing was retrieved that the answer could stand on")
        try:
            answer = as_text(output_at(context, self.path))
        except OutputError as error:
            return Score.passed(False, str(error))
        material = "\n".join([*(document.text for document in documents), text_of(context.trace.input)])[:_WHOLE_TEXT]
        known, numbers = known_words(material), set(figures(material)) if self.figures else set()
        counted, loose = 0, []
        for sentence in sentences_of(answer):
            words = content_words(sentence)
            figured = figures(sentence) if self.figures else []
            if len(words) < self.words and not figured:
                continue
            counted += 1
            share = sum(word in known for word in words) / len(words) if words else 1.0
            if share < self.overlap or any(figure not in numbers for figure in figured):
                loose.append(sentence)
        if not counted:
            raise EvaluatorError("the answer has no sentence long enough to look up")
        score = 1 - len(loose) / counted
        said = f"{counted - len(loose)} of {counted} sentences stand on the sources"
        if loose:
            said += f"; not: {shorten(loose[0], 200)!r}"
        if self.threshold is None:
            return Score(score=score, comment=said)
        return Score.passed(score >= self.threshold, said)


def _plain(text: str) -> str:
    return normal(text, ignore_case=True, ignore_whitespace=True, ignore_punctuation=False)
