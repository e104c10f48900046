"""What a reviewer does with an item: label, skip, hand on, take back, keep and give back.

Each answers a form with a page (the next item, or the same with what was typed and why it was not taken), and
review.js, which asks for JSON, with an `Answer`.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from burnish.domain.annotation.items import Handed, ItemState, QueueItem
from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.people import Person, Role
from burnish.domain.annotation.queues import Queue
from burnish.domain.base import Value, utc_now
from burnish.drivers.web.forgery import form_of
from burnish.drivers.web.queue_specs import queue_of
from burnish.drivers.web.render import page
from burnish.drivers.web.review_form import Entered, label_entered
from burnish.drivers.web.review_page import desk_page, ended, not_in_hand
from burnish.drivers.web.wiring import evaluators_of, store_of
from burnish.errors import InputError, NotFoundError
from burnish.loop.reviewing import example_now, give_label, pass_on

__all__ = ["escalate", "hold", "label", "release", "skip", "undo"]

LATE = "It came after your time with the item had ended; nobody else had taken it, so it counts."


class Answer(Value):
    """What became of it, for review.js: in words, and where to go on where that is another page."""

    accepted: bool
    said: str = ""
    url: str | None = None
    seconds: int = 0


def label(request: Request) -> Response:
    """Take a label."""
    queue, person = queue_of(request)
    store, item = store_of(request), _item(request, queue)
    entered = Entered.of_form(_fields(request))
    try:
        trace = None
        if entered.correction or entered.step:
            trace = next(store.traces.load([item.trace_id]), None)
        said = label_entered(entered, queue.ask, trace)
        handed = give_label(store, queue, item.id, person, said, request.app.state.screens)
    except InputError as error:
        return _refused(request, queue, person, item, entered, str(error), 422)
    if not handed.accepted:
        return _refused(request, queue, person, item, entered, handed.reason, 409)
    late = ended(_fields(request).get("until", ""), utc_now())
    words = [_became(handed), LATE if late else "", _example(request, person, handed, said)]
    return _on(request, queue, " ".join(word for word in words if word))


def skip(request: Request) -> Response:
    """Leave an item to others."""
    return _pass(request, escalated=False)


def escalate(request: Request) -> Response:
    """Hand an item on to the experts."""
    return _pass(request, escalated=True)


def undo(request: Request) -> Response:
    """Take the last label back, and go to its item."""
    queue, person = queue_of(request)
    handed = store_of(request).queues.undo(queue, person)
    if handed is None:
        return _told(request, queue, f"{person.name} has labelled nothing in this queue.")
    if not handed.accepted:
        return _told(request, queue, f"It cannot be taken back: {handed.reason}.")
    url = f"/review/{queue.name}/{handed.item.id}"
    if _wants_json(request):
        return _json(Answer(accepted=True, said="Taken back.", url=url))
    return RedirectResponse(url, 303)


def hold(request: Request) -> Response:
    """A sign of life: the lease begins anew, as long as nobody else has the item."""
    queue, person = queue_of(request)
    held = store_of(request).queues.assignment(queue, request.path_params["item"], person)
    if held is None:
        return _json(Answer(accepted=False, said="Somebody else has this item now."))
    return _json(Answer(accepted=True, seconds=round((held.lease_until - utc_now()).total_seconds())))


def release(request: Request) -> Response:
    """Give an item back that was fetched ahead and not looked at."""
    queue, person = queue_of(request)
    store_of(request).queues.release(queue, request.path_params["item"], person)
    return Response(status_code=204)


def _item(request: Request, queue: Queue) -> QueueItem:
    """The item in the address, if it stands in this queue: who may see this one may not see others through it."""
    item = store_of(request).queues.get(request.path_params["item"])
    if item.queue != queue.name:
        raise NotFoundError(f"no item '{item.id}' in the queue '{queue.name}'")
    return item


def _pass(request: Request, *, escalated: bool) -> Response:
    queue, person = queue_of(request)
    item, fields = _item(request, queue), _fields(request)
    note = fields.get("note", "").strip()
    handed = pass_on(
        store_of(request), queue, item.id, person, note, request.app.state.screens, escalate=escalated
    )  # fmt: skip
    if not handed.accepted:
        return _refused(request, queue, person, item, Entered.of_form(fields), handed.reason, 409)
    return _on(request, queue, "Handed on to the experts." if escalated else "Skipped; others will see it.")


def _on(request: Request, queue: Queue, said: str) -> Response:
    """It was taken: on to the next item."""
    if _wants_json(request):
        return _json(Answer(accepted=True, said=said))
    return RedirectResponse(f"/review/{queue.name}", 303)


def _refused(
    request: Request, queue: Queue, person: Person, item: QueueItem, entered: Entered, reason: str, status: int
) -> Response:
    """It was not taken: why, and what was typed stays."""
    if _wants_json(request):
        return _json(Answer(accepted=False, said=f"Not taken: {reason}."), status)
    held = store_of(request).queues.assignment(queue, item.id, person)
    if held is None:
        held = not_in_hand(item, person)
    return desk_page(request, queue, held, person, entered=entered, refused=reason, status=status)


def _told(request: Request, queue: Queue, said: str) -> Response:
    if _wants_json(request):
        return _json(Answer(accepted=False, said=said), 409)
    return page(request, "message.html", status=409, title=queue.title or queue.name, text=said)


def _became(handed: Handed) -> str:
    item = handed.item
    if item.state is ItemState.DISPUTED:
        return "Labelled. People disagree on it: an expert will decide."
    if item.state is ItemState.OPEN and item.wanted > item.given:
        return f"Labelled: {item.given} of {item.wanted} labels."
    return "Labelled."


def _example(request: Request, person: Person, handed: Handed, said: Label) -> str:
    """What became of an expert's wish to make an example at once; nothing where nobody wished for it."""
    config = request.app.state.agents.get(handed.item.agent)
    if not _fields(request).get("now") or person.role is Role.REVIEWER or config is None:
        return ""
    corrected = said.correction is not None
    if not corrected and not said.criteria:
        return "No example is made of it: there is neither a correction nor a criterion."
    evaluators = evaluators_of(request.app.state, config.name)
    return example_now(store_of(request), config, evaluators, handed.item.trace_id, corrected=corrected)


def _fields(request: Request) -> dict[str, str]:
    return {name: value for name, value in form_of(request).items() if isinstance(value, str)}


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _json(answer: Answer, status: int = 200) -> Response:
    return JSONResponse(answer.model_dump(mode="json"), status)
