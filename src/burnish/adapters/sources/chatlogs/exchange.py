"""One record of a chat log, whatever its form, as a request, a response and what surrounds them."""

from dataclasses import dataclass, field

from burnish.adapters.sources.jsontext import parse_structure
from burnish.domain.base import Json

__all__ = ["Exchange", "read_exchange"]

Item = dict[str, Json]

_REQUESTS = ("request", "body", "kwargs", "params", "request_body")
_RESPONSES = ("response", "completion", "result", "response_body")
_ASKED = ("messages", "input", "prompt", "conversation")
_ANSWERED = ("output", "answer", "choices", "output_text")


@dataclass(slots=True)
class Exchange:
    """`asked` and `answered` are conversations, items or texts in OpenAI's forms.

    `request` and `response` are the objects that the API would see, `record` is what they stood in; where the log
    keeps no such objects, all three are the same.
    """

    record: Item
    request: Item = field(default_factory=dict)
    response: Item = field(default_factory=dict)
    asked: Json = None
    answered: Json = None

    def told(self, *names: str) -> Json:
        """The first of `names` that the response, the record or the request says."""
        for name in names:
            for place in (self.response, self.record, self.request):
                value = place.get(name)
                if value is not None and value != "":
                    return value
        return None


def read_exchange(record: Json) -> Exchange:
    """Read one record: an object in any of the forms, or a list of messages.

    Raises ValueError where it holds no conversation.
    """
    if isinstance(record, list):
        record = {"messages": record}
    if not isinstance(record, dict):
        raise ValueError("neither an object nor a list of messages")
    if record.get("object") == "chat.completion.chunk":
        raise ValueError("a piece of a stream; log the whole response instead")
    request = _object(record, _REQUESTS) or record
    response = _object(record, _RESPONSES) or record
    body = _structure(response.get("body"))
    if response is not record and isinstance(body, dict):  # a batch's output: {"status_code": 200, "body": {…}}
        response = {**body, "status_code": response.get("status_code")}
    found = Exchange(record, request, response)
    found.asked = _conversation(request, _ASKED)
    if found.asked is None and request is not record:
        found.asked = _conversation(record, _ASKED)
    found.answered = _answer(response)
    if found.answered is None and response is record:
        found.answered = _said(record, _RESPONSES)
    if found.asked is None and found.answered is None and not (response is not record and found.told("error")):
        raise ValueError("no conversation in it: neither messages nor input nor a response")
    return found


def _answer(response: Item) -> Json:
    choices = response.get("choices")
    if isinstance(choices, list):
        first = choices[0] if choices else None
        if not isinstance(first, dict):
            return None
        return _message(first.get("message") or first.get("delta")) or first.get("text")
    if isinstance(response.get("role"), str) and "messages" not in response:
        return _message(response)
    return _said(response, _ANSWERED) or _message(response.get("message"))


def _message(value: Json) -> Json:
    return [value] if isinstance(value, dict) else None


def _object(record: Item, names: tuple[str, ...]) -> Item | None:
    for name in names:
        value = _structure(record.get(name))
        if isinstance(value, dict) and value:
            return value
    return None


def _conversation(place: Item, names: tuple[str, ...]) -> Json:
    for name in names:
        value = _structure(place.get(name))
        if isinstance(value, dict):  # {"input": {"messages": […]}}
            value = value.get("messages")
        if isinstance(value, list | str) and value:
            return value
    return None


def _said(place: Item, names: tuple[str, ...]) -> Json:
    for name in names:
        value = _structure(place.get(name))
        if isinstance(value, dict):
            value = value.get("messages") or ([value] if "role" in value or "content" in value else None)
        if isinstance(value, list | str) and value:
            return value
    return None


def _structure(value: Json) -> Json:
    return parse_structure(value) if isinstance(value, str) else value
