"""How fast the review site is with 100,000 traces in SQLite: `python -m benchmarks.review_pages [traces [folder]]`

First byte of the list of queues, of the way to the next item and of an item's page, asked over loopback one at a time;
and, in a browser, the time from the Enter that sends a label until the next item has been painted. Four queues hold
12,000 items, a fifth of them labelled; the items measured are conversations of 40 turns. A folder keeps the store for
the next run. Bars, for the median: 100 ms to the first byte, 50 ms from item to item.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from burnish.adapters.store import Store
from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.people import Person
from burnish.domain.listing import TraceQuery
from burnish.domain.traces import Message, TextPart, Trace

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.browsing import CHROMIUM, chromium
from support.review_site import put, served, write_queues
from support.seeded import store_url, support_trace
from support.visiting import Visitor

TRACES, ITEMS, LABELLED, LONG, ASKED = 100_000, 3_000, 600, 300, 100
FIRST_BYTE, ITEM_TO_ITEM = 100.0, 50.0
LONG_QUEUE = f"long-{int(time.time())}"  # a folder that is kept must not run out of open items
QUEUES: list[dict[str, Any]] = [
    {"name": LONG_QUEUE, "rubric": "routing", "ask": {"labels": ["right", "near", "wrong"]}, "daily_cap": 10_000},
    *({"name": f"queue-{n}", "labels": 1 + n % 2, "daily_cap": 10_000} for n in range(4)),
]
# From the key to the frame after the one that shows the next item.
CLOCK = """
addEventListener("keydown", (event) => { if (event.key === "Enter") window.begun = performance.now(); }, true);
document.addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  const item = document.querySelector("#desk")?.dataset.item;
  if (!item || item === window.shown) return;
  window.shown = item;
  requestAnimationFrame(() => setTimeout(() => { window.took = performance.now() - window.begun; }, 0));
}).observe(document.querySelector("main"), { childList: true }));
"""


def long_trace(number: int) -> Trace:
    """A support trace whose last model call saw 40 turns of half a kilobyte."""
    trace = support_trace(10 * TRACES + number)
    *before, last = trace.spans
    text = "We looked into it, and this is what the record of the order says about the parcel. " * 6
    talk = tuple(Message(role=("user", "assistant")[n % 2], parts=(TextPart(text=f"{n}. {text}"),)) for n in range(36))
    return trace.model_copy(
        update={"spans": (*before, last.model_copy(update={"input_messages": last.input_messages + talk}))}
    )


def fill(store: Store, project: Path, count: int) -> None:
    """Traces, queues and labels, once."""
    there = store.traces.count(TraceQuery())
    if there < count:
        store.traces.add(support_trace(number) for number in range(there, count))
    store.traces.add(long_trace(number) for number in range(LONG))
    put(store, project, LONG_QUEUE, (long_trace(number) for number in range(LONG)))
    for number in range(4):
        queue = put(store, project, f"queue-{number}", (support_trace(n) for n in range(ITEMS)))
        done = store.queues.progress(queue.name).labels
        for turn in range(done, LABELLED):
            person = Person(name=f"reviewer {turn % 10}")
            held = store.queues.take(queue, person)
            if held is not None:
                store.queues.give(queue, held.item.id, person, Label(score=float(turn % 3 > 0)))


def item_to_item(site: str) -> list[float]:
    """Milliseconds from one painted item to the next, as a reviewer with one hand on Enter sees them."""
    found = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(CLOCK)
        page.goto(f"{site}/login?next=/review/{LONG_QUEUE}")
        page.keyboard.type("browser")
        page.keyboard.press("Enter")
        page.wait_for_selector("#desk")
        for number in range(ASKED):
            page.wait_for_timeout(300)  # nobody reads faster; the next item is fetched meanwhile
            page.evaluate("window.took = null")
            page.keyboard.press("2")
            page.keyboard.press("Enter")
            page.wait_for_function("() => window.took !== null")
            if number >= 3:  # the first ones warm the server up
                found.append(float(page.evaluate("window.took")))
    return found


def measured(asked: Callable[[], float]) -> list[float]:
    """The same thing again and again; the first ones warm up."""
    return [asked() for _ in range(ASKED)][3:]


@contextmanager
def site_of(folder: Path, count: int) -> Iterator[str]:
    """The filled site."""
    write_queues(folder, QUEUES)
    with Store.open(store_url(folder)) as store:
        fill(store, folder, count)
        with served(store, folder) as site:
            yield site


def main() -> int:
    """Print the table; 1 where a median misses its bar."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TRACES
    table = Table("what", "median ms", "95 % under", "bar ms", title=f"{count:,} traces in SQLite")
    missed = False
    with tempfile.TemporaryDirectory() as fallback:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(fallback)
        with site_of(folder, count) as site:
            visitor = Visitor(site)
            visitor.sign_in("visitor", "/review")
            item = visitor.get(f"/review/{LONG_QUEUE}")[2]
            rows = {
                "list of queues, first byte": (measured(lambda: visitor.get("/review")[0]), FIRST_BYTE),
                "on to the next item, first byte": (
                    measured(lambda: visitor.get(f"/review/{LONG_QUEUE}")[0]),
                    FIRST_BYTE,
                ),
                "item page, first byte": (measured(lambda: visitor.get(item)[0]), FIRST_BYTE),
            }
            if CHROMIUM.exists():
                rows["item to item, painted"] = (item_to_item(site), ITEM_TO_ITEM)
        for what, (times, bar) in rows.items():
            missed |= median(times) > bar
            table.add_row(what, f"{median(times):.1f}", f"{quantiles(times, n=20)[18]:.1f}", f"{bar:.0f}")
    Console(width=100).print(table)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
