"""The review site: the queues somebody may see, the next item, and the item before them."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from burnish.domain.annotation.items import QueueStanding, ReviewerLoad
from burnish.domain.annotation.people import Person
from burnish.domain.annotation.queues import Queue
from burnish.drivers.web.counts import queue_reports_of
from burnish.drivers.web.queue_specs import queue_of, queues_of
from burnish.drivers.web.render import page
from burnish.drivers.web.review_page import desk_page
from burnish.drivers.web.visitors import is_fragment, person_of
from burnish.drivers.web.wiring import store_of
from burnish.errors import NotFoundError
from burnish.loop.reviewing import QueueAgreement

__all__ = ["show_agreement", "show_ahead", "show_item", "show_list", "show_next"]


@dataclass(frozen=True, slots=True)
class QueueCard:
    """A queue in the list, as one person finds it."""

    queue: Queue
    standing: QueueStanding


def show_list(request: Request) -> Response:
    """The queues this person may see."""
    person = person_of(request)
    return page(request, "review_queues.html", cards=_cards(request, queues_of(request), person))


def show_agreement(request: Request) -> Response:
    """How far the people of a queue agree; as a part of the list, or by itself."""
    queue, _ = queue_of(request)
    found = queue_reports_of(request)
    report = next((one for one in found.value or () if one.queue == queue.name), None)
    return page(
        request,
        "review_agreement_part.html" if is_fragment(request) else "review_agreement.html",
        queue=queue,
        agreement=report.agreement if report is not None else QueueAgreement(),
        pending=found.pending,
        as_of=found.as_of,
    )


def show_next(request: Request) -> Response:
    """On to the item in hand, or the next one."""
    queue, person = queue_of(request)
    held = store_of(request).queues.take(queue, person)
    if held is not None:
        return RedirectResponse(f"/review/{queue.name}/{held.item.id}", 303)
    return page(request, "review_over.html", queue=queue, card=_cards(request, [queue], person)[0], item=None)


def show_ahead(request: Request) -> Response:
    """The item after the one in hand (`beside`), taken ahead; nothing (204) where none is left."""
    queue, person = queue_of(request)
    beside = request.query_params.get("beside")
    if not beside:
        raise NotFoundError("the page says `beside` which item it is; without one, open the queue")
    held = store_of(request).queues.take(queue, person, beside=[beside])
    return Response(status_code=204) if held is None else desk_page(request, queue, held, person, part=True)


def show_item(request: Request) -> Response:
    """An item in this person's hands; for any other, what has become of it."""
    queue, person = queue_of(request)
    store = store_of(request)
    item = store.queues.get(request.path_params["item"])
    if item.queue != queue.name:
        raise NotFoundError(f"no item '{item.id}' in the queue '{queue.name}'")
    held = store.queues.assignment(queue, item.id, person)
    if held is not None:
        return desk_page(request, queue, held, person)
    return page(request, "review_over.html", queue=queue, card=_cards(request, [queue], person)[0], item=item)


def _cards(request: Request, queues: Sequence[Queue], person: Person) -> list[QueueCard]:
    found = store_of(request).queues.standings(person)
    cards = []
    for queue in queues:
        empty = QueueStanding(queue=queue.name, mine=ReviewerLoad(person=person.name))
        standing = found.get(queue.name, empty)
        cards.append(QueueCard(queue=queue, standing=standing))
    return cards
