"""Writing scores to Langfuse: lists where the server takes them, one by one where it does not."""

from collections.abc import Iterator, Sequence
from itertools import islice

from burnish.adapters.sources.base import Annotation, Written
from burnish.adapters.sources.fields import Item, count_in, items_in, text_in
from burnish.adapters.sources.http import RefusedError
from burnish.adapters.sources.langfuse.api import LangfuseApi
from burnish.adapters.sources.langfuse.scores import score_of
from burnish.domain.base import Json

__all__ = ["ScoreWriter"]

_TOGETHER = 50
_OF_ITEM = (400, 404, 413, 422)  # statuses that are about what was sent, not about who sends


class ScoreWriter:
    """Writes annotations. What comes back as their id is the score's id and timestamp, joined with `@`."""

    def __init__(self, api: LangfuseApi) -> None:
        self._api = api
        self._takes_lists: bool | None = None

    def write(self, annotations: Sequence[Annotation]) -> Iterator[Written]:
        """Write each and yield what became of it. Raises SourceError where the server cannot be reached."""
        waiting = iter(annotations)
        while chunk := [(one, _score(one)) for one in islice(waiting, _TOGETHER)]:
            if self._takes_lists is not False:
                refused = self._together(chunk)
                if refused is not None:
                    yield from (_written(one, score, refused.get(place)) for place, (one, score) in enumerate(chunk))
                    continue
            for one, score in chunk:
                yield _written(one, score, self._alone(score))

    def _together(self, chunk: list[tuple[Annotation, Item]]) -> dict[int, str] | None:
        """Reasons by place for what was refused; None where the server takes no lists."""
        try:
            status, answer = self._api.write_scores([score for _, score in chunk])
        except RefusedError as error:
            if error.status not in _OF_ITEM:
                raise
            if self._takes_lists is None:  # a server before v5, or a list that is refused as a whole
                return self._first_alone(chunk, str(error))
            return self._singly(chunk) if len(chunk) > 1 else {0: str(error)}
        self._takes_lists = True
        rejected = (count_in(answer, "rejected") or 0) if isinstance(answer, dict) else 0
        if status != 207 or not rejected:
            return {}
        reasons = _reasons(answer)
        if rejected >= len(chunk):
            return {place: reasons[place if len(reasons) == len(chunk) else 0] for place in range(len(chunk))}
        # The answer counts and does not say which. Each is sent by itself once, which is harmless: an accepted score
        # replaces itself by id and timestamp.
        return self._singly(chunk)

    def _first_alone(self, chunk: list[tuple[Annotation, Item]], reason: str) -> dict[int, str] | None:
        if self._alone(chunk[0][1]) is None:
            self._takes_lists = False
            return None
        if len(chunk) == 1:
            return {0: reason}
        return {place: said for place, (_, score) in enumerate(chunk) if (said := self._alone(score)) is not None}

    def _singly(self, chunk: list[tuple[Annotation, Item]]) -> dict[int, str]:
        refused: dict[int, str] = {}
        for place, (_, score) in enumerate(chunk):
            try:
                status, answer = self._api.write_scores([score])
            except RefusedError as error:
                if error.status not in _OF_ITEM:
                    raise
                refused[place] = str(error)
                continue
            if status == 207 and isinstance(answer, dict) and count_in(answer, "rejected"):
                refused[place] = _reasons(answer)[0]
        return refused

    def _alone(self, score: Item) -> str | None:
        """Write one in the older form; the reason where it is refused."""
        try:
            self._api.write_score(score)
        except RefusedError as error:
            if error.status not in _OF_ITEM:
                raise
            return str(error)
        return None


def _score(annotation: Annotation) -> Item:
    _, _, timestamp = (annotation.remote_id or "").partition("@")
    return score_of(annotation.feedback, timestamp or None)


def _written(annotation: Annotation, score: Item, refused: str | None) -> Written:
    if refused is not None:
        return Written(feedback_id=annotation.feedback.id, remote_id=annotation.remote_id, problem=refused)
    return Written(feedback_id=annotation.feedback.id, remote_id=f"{score['id']}@{score['timestamp']}")


def _reasons(answer: Json) -> list[str]:
    errors = items_in(answer, "errors") if isinstance(answer, dict) else []
    return [f"refused: {text_in(error, 'message', 'error') or 'no reason given'}" for error in errors] or ["refused"]
