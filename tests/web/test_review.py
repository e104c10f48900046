"""The review site as a reviewer meets it: in a real browser, by keyboard, two at once, with hostile traces."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browsing import chromium
from support.hostile import ATTACKS, hostile_feedback, hostile_trace
from support.review_site import PASSWORD, add_accounts, put, served, write_queues
from support.seeded import AGENT, store_url, support_trace
from web.test_browser import CONTRAST

from burnish.adapters.store import Store
from burnish.domain.annotation.labels import Label
from burnish.domain.annotation.people import Person, Role
from burnish.domain.annotation.queues import Queue
from burnish.domain.annotation.specs import load_queue
from burnish.project import AgentConfig, ImproveConfig, RepositoryConfig, TargetConfig

pytestmark = pytest.mark.slow

# No grade of the bar is cut off by what stands beside it.
GRADES_IN_SIGHT = """[...document.querySelectorAll('.quick .choice')].every(one =>
  one.getBoundingClientRect().right <= one.closest('.grades').getBoundingClientRect().right + 1)"""

QUEUES: list[dict[str, Any]] = [
    {"name": "keyboard", "rubric": "routing", "ask": {"labels": ["right", "near", "wrong"]}},
    {"name": "crowd", "title": "Many hands"},
    {"name": "blind", "labels": 2, "ask": {"scale": 5, "correction": "edit"}},
    {"name": "second-thoughts"},
    {"name": "hasty", "lease_minutes": 0.01, "ask": {"required": ["comment"]}},
    {"name": "plain", "ask": {"required": ["comment"], "correction": "edit"}},
    {"name": "evil", "show_scores": True, "rubric": "routing"},
    {"name": "secret"},
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    write_queues(folder, QUEUES)
    return folder


@pytest.fixture(scope="module")
def store(project: Path) -> Iterator[Store]:
    with Store.open(store_url(project)) as opened:
        traces = [support_trace(number) for number in range(30)]
        opened.traces.add([*traces, hostile_trace()])
        opened.feedback.add([hostile_feedback()])
        for name, count in (("keyboard", 20), ("crowd", 12), ("blind", 2), ("second-thoughts", 4), ("hasty", 4),
                            ("plain", 3), ("secret", 1)):  # fmt: skip
            put(opened, project, name, traces[:count])
        put(opened, project, "evil", [hostile_trace()])
        add_accounts(opened, ann=Role.REVIEWER, bob=Role.REVIEWER, eve=Role.EXPERT)
        opened.users.set_access("bob", Role.REVIEWER, tuple(queue["name"] for queue in QUEUES[:-1]))
        yield opened


@pytest.fixture(scope="module")
def site(store: Store, project: Path) -> Iterator[str]:
    agent = AgentConfig(name=AGENT, repository=RepositoryConfig(url="/nowhere"), target=TargetConfig(),
                        improve=ImproveConfig(metric="review"))  # fmt: skip
    with served(store, project, agent) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def sign_in(browser: Any, site: str) -> Iterator[Callable[..., Any]]:
    """A page of somebody's own browser, signed in by keyboard."""
    contexts = []

    def page_of(name: str, path: str, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto(f"{site}/login?next={path}")
        page.wait_for_function("document.activeElement.name === 'name'")
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    yield page_of
    for context in contexts:
        context.close()


def item_of(page: Any) -> str:
    return str(page.get_attribute("#desk", "data-item"))


def wait_for_next(page: Any, item: str) -> None:
    """Until another item is shown, or nothing is left."""
    changed = "item => document.querySelector('#desk')?.dataset.item !== item"
    page.wait_for_function(changed, arg=item, polling=50)  # not by frames: a busy machine may paint none


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def queue_of(project: Path, name: str) -> Queue:
    return load_queue(project, name)


def labels_of(store: Store, queue: str) -> dict[str, list[Label]]:
    """The labels given in a queue, by item."""
    given = store.queues.labels([item.id for item in store.queues.list(queue)])
    return {item: [one.label for one in labels] for item, labels in given.items()}


def test_twenty_items_are_labelled_by_keyboard_alone(sign_in: Any, store: Store) -> None:
    """From the list of queues to the last of 20 items no mouse is needed: scores, words, comments, marked steps."""
    page = sign_in("ann", "/review")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "/review/keyboard":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#desk")
    page.wait_for_load_state()  # the keys come with the script
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    done: dict[str, Label] = {}
    for number in range(20):
        item = item_of(page)
        assert item not in done
        comment, step = None, None
        press(page, *["j"] * 3)
        if number % 4 == 0:  # the third stop is the call
            press(page, "o")
            assert page.evaluate("document.querySelector('.here details').open")
            press(page, "w")
            step = f"{number:08x}00000003"
        if number % 5 == 0:
            comment = f"1 w x ? on {number}"  # keys do nothing else while they are typed
            press(page, "c")
            page.keyboard.type(comment)
            press(page, "Escape")
        press(page, "1" if number % 3 else "2", "i" if number % 2 else "n")
        if number % 7 == 0:
            press(page, "c", "Control+Enter")
        else:
            press(page, "Enter")
        done[item] = Label(score=0.0 if number % 3 else 1.0, value="right" if number % 2 else "near",
                           comment=comment, span_id=step)  # fmt: skip
        wait_for_next(page, item)
    page.get_by_text("Nothing is left for you here.").wait_for()
    assert {item: [label] for item, label in done.items()} == labels_of(store, "keyboard")
    assert 1 == len([url for url in loads if re.search(r"/review/keyboard$", url)])  # one page load for 20 items
    page.keyboard.press("Tab")


def test_two_reviewers_at_once_never_get_the_same_item(sign_in: Any, store: Store, project: Path) -> None:
    """With every item and every preloaded one in a lease of its own, twelve items get one label each."""
    pages = [sign_in(name, "/review/crowd") for name in ("ann", "bob")]
    seen: list[set[str]] = [set(), set()]
    while any(page.query_selector("#desk") for page in pages):
        for page, mine in zip(pages, seen, strict=True):
            if page.query_selector("#desk"):
                item = item_of(page)
                mine.add(item)
                press(page, "2", "Enter")
                wait_for_next(page, item)
    assert set() == seen[0] & seen[1]
    labels = labels_of(store, "crowd")
    assert 12 == len(seen[0] | seen[1]) == len(labels)
    assert {1} == {len(given) for given in labels.values()}
    assert min(map(len, seen)) >= 4


@pytest.mark.parametrize("width", [1280, 390])
def test_a_hostile_trace_does_nothing(browser: Any, sign_in: Any, site: str, width: int) -> None:
    """Script tags, javascript: links, huge text and direction marks are text; no policy is even asked to refuse."""
    scheme = "light" if width == 390 else "dark"
    page = sign_in("eve", "/review", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    events: list[str] = []
    page.on("dialog", lambda dialog: (events.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda message: events.append(f"console {message.text}"))
    page.on("pageerror", lambda error: events.append(f"error {error}"))
    page.on("request", lambda request: None if request.url.startswith(site) else events.append(f"load {request.url}"))
    page.add_init_script("addEventListener('securitypolicyviolation', e => console.log('CSP', e.blockedURI))")
    for path in ("/review", "/review/evil"):
        page.goto(site + path)
        press(page, *"jojojowjjkow")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert [] == page.evaluate(CONTRAST), path
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
        assert {"http:"} >= set(page.evaluate("[...document.links].map(one => one.protocol)"))
        assert 0 == page.evaluate(
            "document.querySelectorAll('iframe, object, embed, main img, main style, main script').length"
        )
        assert page.evaluate(GRADES_IN_SIGHT), path
        unnamed = (
            "[...document.querySelectorAll('textarea, input:not([type=hidden])')].filter(one => !one.labels.length)"
        )
        assert 0 == page.evaluate(f"{unnamed}.length"), path
    text = page.text_content("main")
    assert ATTACKS[0] in text
    assert "⟨U+202E⟩" in text
    assert "\u202e" not in text
    assert page.get_by_text("went wrong here").count() > 2
    press(page, "?")
    assert page.locator("#keys").is_visible()
    assert [] == events


def test_undo_brings_the_item_back_with_what_was_entered(sign_in: Any, store: Store) -> None:
    """`u` goes back to the last item, filled in as it was sent; sent again, it replaces what was said."""
    page = sign_in("ann", "/review/second-thoughts")
    first = item_of(page)
    press(page, "1", "c")
    page.keyboard.type("the wrong queue")
    press(page, "Escape", "e")
    page.keyboard.type("atlas")
    press(page, "Escape", "r")
    page.keyboard.type("names the queue\nis one word")
    press(page, "Escape", "w", *"jjjw", "W")
    assert page.get_by_text("First go to a step").is_visible()
    page.keyboard.type("found nobody")
    press(page, "Control+Enter")
    wait_for_next(page, first)
    second = item_of(page)
    press(page, "u")
    page.wait_for_url(f"**/{first}")
    assert [[]] == [given for item, given in labels_of(store, "second-thoughts").items() if item == first]
    assert page.locator("input[name=score][value='0']").is_checked()
    assert "Marked: find_customer" == page.text_content(".marked")
    assert page.locator(".call.went-wrong").is_visible()  # not only in the folded list of all steps
    assert "the wrong queue" == page.input_value("[name=comment]")
    press(page, "2", "Enter")
    wait_for_next(page, first)
    assert second == item_of(page)
    (label,) = labels_of(store, "second-thoughts")[first]
    assert Label(score=1.0, comment="the wrong queue", correction="atlas", criteria=("names the queue", "is one word"),
                 span_id="0000000000000003", span_comment="found nobody") == label  # fmt: skip
    press(page, "2", "s")
    page.keyboard.type("not mine")
    press(page, "Control+Enter")
    wait_for_next(page, second)
    assert [] == labels_of(store, "second-thoughts")[second]  # who writes why they skip sends no label
    third = item_of(page)
    press(page, "x")
    page.keyboard.type("needs somebody who knows")
    press(page, "Enter")
    wait_for_next(page, third)
    assert "expert" == store.queues.get(third).profile
    expert = sign_in("eve", "/review/second-thoughts")
    assert third == item_of(expert)
    assert "needs somebody who knows" in expert.text_content(".handed")


def test_a_lease_that_ended_is_told_and_nothing_typed_is_lost(sign_in: Any, store: Store, project: Path) -> None:
    """Late but first: it counts, and that is told. Too late: that is told too, and the words stay."""
    queue = queue_of(project, "hasty")
    page = sign_in("ann", "/review/hasty")
    first = item_of(page)
    press(page, "c")
    page.keyboard.type("slow and sure")
    time.sleep(1)
    press(page, "Escape", "2", "Enter")
    page.get_by_text("nobody else had taken it, so it counts").wait_for()
    assert "slow and sure" == labels_of(store, "hasty")[first][0].comment
    wait_for_next(page, first)
    second = item_of(page)
    press(page, "c")
    page.keyboard.type("a long thought")
    time.sleep(1)
    bob = Person(name="bob")
    taken = store.queues.take(queue, bob)
    while taken is not None and taken.item.id != second:
        taken = store.queues.take(queue, bob, beside=[taken.item.id])
    store.queues.give(queue, second, bob, Label(score=1.0, comment="quick"))
    press(page, "Control+Enter")
    page.get_by_text("yours was not in time").wait_for()
    assert "a long thought" == page.input_value("[name=comment]")
    assert second == item_of(page)
    assert ["quick"] == [one.comment for one in labels_of(store, "hasty")[second]]


def test_a_draft_survives_a_reload_and_keys_can_be_switched_off(sign_in: Any, store: Store) -> None:
    """What was typed and marked is back after a reload; with keys off letters do nothing; leaving frees what waits."""
    page = sign_in("ann", "/review/plain")
    item = item_of(page)
    press(page, *"jjjw", "2", "e")
    page.keyboard.type(" indeed")
    page.wait_for_function("() => performance.getEntriesByType('resource').some(one => one.name.includes('/ahead'))")
    page.reload()
    assert item == item_of(page)
    assert "atlas indeed" == page.input_value("[name=correction]") or "cedar indeed" == page.input_value(
        "[name=correction]"
    )
    assert page.locator("input[name=score][value='1']").is_checked()
    assert "Marked: find_customer" == page.text_content(".marked")
    press(page, "Enter")
    page.get_by_text("this queue asks for comment").wait_for()
    press(page, "?")
    page.get_by_label("Single keys act").focus()
    press(page, "Space", "Escape", "1")
    assert page.locator("input[name=score][value='1']").is_checked()
    page.goto(page.url.rsplit("/", 2)[0])
    deadline = time.monotonic() + 5
    while store.queues.progress("plain").in_hand > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert 1 == store.queues.progress("plain").in_hand


def test_without_scripts_the_forms_work(sign_in: Any, store: Store, project: Path) -> None:
    """With JavaScript off an item is labelled, refused in words with what was typed, skipped and taken back."""
    queue = queue_of(project, "plain")
    page = sign_in("bob", "/review/plain", java_script_enabled=False)
    item = page.url.rsplit("/", 1)[1]
    page.get_by_label("fail").check()
    page.get_by_label("A good output must").fill("say why")
    page.get_by_role("button", name="Submit").click()
    assert "this queue asks for comment" in page.text_content("#notice")
    assert "say why" == page.get_by_label("A good output must").input_value()
    page.get_by_label("Comment").fill("too short")
    page.get_by_role("button", name="Submit").click()
    assert item not in page.url
    assert [Label(score=0.0, comment="too short", criteria=("say why",))] == labels_of(store, "plain")[item]
    page.get_by_role("button", name="Take my last label back").click()
    assert item in page.url
    assert "too short" == page.get_by_label("Comment").input_value()
    page.locator("summary", has_text="Skip").click()
    page.get_by_role("button", name="Skip").click()
    assert item not in page.url
    store.queues.release(queue, page.url.rsplit("/", 1)[1], Person(name="bob"))


def test_an_expert_decides_with_all_answers_side_by_side(sign_in: Any, store: Store, project: Path) -> None:
    """Reviewers see nobody's words on an open item; an expert sees both, decides, and makes an example at once."""
    queue = queue_of(project, "blind")
    first = store.queues.take(queue, Person(name="bob"))
    assert first is not None
    store.queues.give(queue, first.item.id, Person(name="bob"), Label(score=0.0, comment="he never asked"))
    page = sign_in("ann", "/review/blind")
    assert first.item.id == item_of(page)
    assert "he never asked" not in page.content()
    assert "make an example" not in page.content()
    press(page, "5", "Enter")
    wait_for_next(page, first.item.id)
    expert = sign_in("eve", "/review/blind")
    assert first.item.id == item_of(expert)
    table = expert.text_content(".answers")
    assert all(word in table for word in ("ann", "bob", "he never asked", "5", "1"))
    press(expert, "2", "e")
    expert.keyboard.type(", at once")
    expert.get_by_label("make an example of it at once").check()
    press(expert, "Control+Enter")
    wait_for_next(expert, first.item.id)
    expert.get_by_text("It is an example now").wait_for()
    assert 1 == sum(store.datasets.get(AGENT, "main").counts.values())
    assert [0.0, 1.0, 0.25] == [one.score for one in labels_of(store, "blind")[first.item.id]]


def test_a_queue_that_is_closed_to_somebody_is_not_there(sign_in: Any, store: Store, site: str) -> None:
    """It is not in their list, and neither its address nor that of an item opens."""
    page = sign_in("bob", "/review")
    assert "secret" not in page.text_content("main")
    item = store.queues.list("secret")[0].id
    for path in (
        "/review/secret",
        f"/review/secret/{item}",
        f"/review/secret/ahead?beside={item}",
        f"/review/crowd/{item}",
    ):
        assert 404 == page.goto(site + path).status, path
