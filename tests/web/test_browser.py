"""The pages in a real browser, which alone can say whether hostile text acts."""

import datetime as dt
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from support.browsing import chromium, serving
from support.hostile import ATTACKS, HOSTILE_ID, HUGE, hostile_feedback, hostile_trace
from support.seeded import AGENT, DAY, START, seeded_store, store_url, trace_id
from web.conftest import settings_for

from burnish.adapters.store import Store
from burnish.domain.feedback import EvaluatorFailure, Feedback, FeedbackSource
from burnish.domain.nights import Night
from burnish.domain.proposals import Cluster, Edit, Proposal, PullRequest
from burnish.drivers.web import create_app

EVIL = "evil"
WIDTHS = (1280, 390)
FOREIGN = "document.querySelectorAll(\"script:not([src^='/static/']), iframe, object, embed, main img, style\").length"


def _said_of_it(attack: str) -> list[Feedback]:
    fields = {"trace_id": HOSTILE_ID, "key": attack, "author": attack, "comment": attack}
    return [
        Feedback.model_validate({**fields, "source": "judge", "version": attack, "score": 1.0}),
        Feedback.model_validate({**fields, "source": "human", "score": 0.0}),
    ]


@pytest.fixture(scope="module")
def hostile_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    attack = " ".join(ATTACKS)
    with seeded_store(store_url(tmp_path_factory.mktemp("hostile"))) as store:
        night = Night.id_for(EVIL, DAY)
        store.traces.add([hostile_trace()])
        store.feedback.add([hostile_feedback(), *_said_of_it(attack)])
        store.feedback.add_failures([EvaluatorFailure(trace_id=HOSTILE_ID, evaluator=attack, version=attack,
                                                      error=attack, message=attack, created_at=START)])  # fmt: skip
        cluster = Cluster(id="hostile-cluster", agent=EVIL, name=attack, description=attack, trace_ids=(HOSTILE_ID,),
                          size=1, keywords=ATTACKS, night=night)  # fmt: skip
        store.clusters.save(EVIL, night, [cluster])
        edits = (Edit(path=attack, search=attack, replace=attack + "\n" + HUGE),)
        proposal = Proposal(id="hostile-proposal", agent=EVIL, night=night, base_commit=attack, title=attack,
                            rationale=attack + HUGE, edits=edits, cluster_ids=(cluster.id,), model=attack,
                            evidence_trace_ids=(HOSTILE_ID,), status_reason=attack, created_at=START)  # fmt: skip
        store.proposals.add([proposal])
        store.pull_requests.save(
            PullRequest(id="hostile-pull", agent=EVIL, proposal_id=proposal.id, forge="github", branch=attack,
                        base=attack, commit=attack, number=666, url="javascript:alert(7)", title=attack,
                        body="\n\n".join(ATTACKS), created_at=START)
        )  # fmt: skip
        store.nights.begin(EVIL, DAY)
        store.nights.save_stage(night, attack, {attack: [attack]})
        store.nights.save_stage(night, "report", {"markdown": "\n\n".join(ATTACKS)})
        yield store


@pytest.fixture(scope="module")
def site(hostile_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(create_app(hostile_store, settings_for(tmp_path_factory.mktemp("site")))) as address:
        yield address


def evaluator_names(store: Store) -> list[str]:
    return sorted({one.key for one in store.feedback.series(EVIL) if one.source == "judge"})


def paths(store: Store) -> list[str]:
    return [
        "/", "/traces", "/clusters", "/experiments", "/proposals", "/pull-requests", "/nights",
        "/evaluators", "/agreement", *(f"/evaluators/{EVIL}/{quote(name, safe='')}" for name in evaluator_names(store)),
        *(f"/agreement/{EVIL}/{quote(name, safe='')}" for name in evaluator_names(store)),
        f"/traces/{quote(HOSTILE_ID, safe='')}", "/clusters/hostile-cluster", "/proposals/hostile-proposal",
        "/pull-requests/hostile-pull", f"/nights/{EVIL}/{DAY}",
        *(f"/experiments/{experiment.id}" for experiment in store.experiments.list()),
        f"/traces?text={quote(ATTACKS[0])}&session={quote(ATTACKS[2])}&agent={quote(ATTACKS[1])}",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_text_does_nothing(browser: object, site: str, hostile_store: Store, width: int, scheme: str) -> None:
    """On no page does a trace open a dialog, run a script, load anything, lead away, or widen the page."""
    events: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[attr-defined]
    page = context.new_page()
    page.on("dialog", lambda dialog: (events.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda message: events.append(f"console {message.text}"))
    page.on("pageerror", lambda error: events.append(f"error {error}"))
    page.on("request", lambda request: None if request.url.startswith(site) else events.append(f"load {request.url}"))
    for path in paths(hostile_store):
        page.goto(site + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        wrong = [] if page.url.startswith(site) else [f"led away to {page.url}"]
        wrong += [f"{link} links to it" for link in page.evaluate("[...document.links].map(a => a.protocol)")
                  if link not in ("http:", "https:", "mailto:")]  # fmt: skip
        if page.evaluate(FOREIGN):
            wrong.append("a foreign element")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append("wider than the window")
        assert [] == wrong, path
    assert [] == events
    context.close()


@pytest.mark.slow
def test_what_is_hidden_becomes_visible(browser: object, site: str) -> None:
    """Direction overrides, invisible characters and terminal escapes are written out on the page."""
    page = browser.new_page()  # type: ignore[attr-defined]
    page.goto(f"{site}/traces/{quote(HOSTILE_ID, safe='')}")
    text = page.evaluate("document.querySelector('main').textContent")
    for code in ("202E", "2066", "200B", "E0041", "001B", "009B"):
        assert f"⟨U+{code}⟩" in text
    for character in "\u202e\u2066\u200b\U000e0041\x1b\x9b":
        assert character not in text
    page.close()


@pytest.mark.slow
def test_long_text_is_cut_with_a_way_to_all_of_it(browser: object, site: str) -> None:
    """A long message is cut, says by how much, and the link shows the whole."""
    page = browser.new_page()  # type: ignore[attr-defined]
    page.goto(f"{site}/traces/{quote(HOSTILE_ID, safe='')}")
    assert len(HUGE) not in page.evaluate("[...document.querySelectorAll('.text')].map(one => one.textContent.length)")
    page.get_by_role("link", name="Show all").first.click()
    assert len(HUGE) in page.evaluate("[...document.querySelectorAll('.text')].map(one => one.textContent.length)")
    page.close()


CONTRAST = """
() => {
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(one => one * (text.startsWith('color(') ? 255 : 1)); // a mix
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const back = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length || element.closest('svg')) continue;
    const style = getComputedStyle(element);
    const a = light(rgb(style.color)), b = light(back(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(low)];
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: object, site: str, hostile_store: Store, scheme: str) -> None:
    """All text has WCAG AA contrast of 4.5 to its background, in light and dark."""
    page = browser.new_page(color_scheme=scheme)  # type: ignore[attr-defined]
    for path in paths(hostile_store):
        page.goto(site + path)
        assert [] == page.evaluate(CONTRAST), path
    page.close()


@pytest.mark.slow
def test_the_keyboard_reaches_the_content_first(browser: object, site: str) -> None:
    """The first stop of the Tab key is a link that skips to the content; every control has a name."""
    page = browser.new_page()  # type: ignore[attr-defined]
    page.goto(f"{site}/traces")
    page.keyboard.press("Tab")
    assert "#main" == page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id")
    unnamed = (
        "[...document.querySelectorAll('select, input:not([type=hidden])')].filter(one => !one.labels.length).length"
    )
    assert 0 == page.evaluate(unnamed)
    page.close()


@pytest.mark.slow
def test_a_slash_leads_to_the_search_and_a_search_is_an_address(browser: object, site: str) -> None:
    """ "/" focuses the search field, Enter searches, and without scripts the same form does."""
    page = browser.new_page()  # type: ignore[attr-defined]
    page.goto(f"{site}/traces")
    page.keyboard.press("/")
    page.keyboard.type("station (case 4)")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=station*")
    assert 1 == page.locator("table.list tbody tr").count()
    page.close()


@pytest.mark.slow
def test_the_lines_of_two_epochs_are_drawn_apart(browser: object, site: str, hostile_store: Store) -> None:
    """The chart has a line an epoch, each in its own colour, and both are seen on dark and light."""
    for number in range(12):
        version = "first" if number < 6 else "second"
        hostile_store.feedback.add(
            [Feedback(trace_id=trace_id(number * 5), key="kind", source=FeedbackSource.JUDGE, author="kind",
                      version=version, score=number % 2, created_at=START + dt.timedelta(days=number))]
        )  # fmt: skip
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)  # type: ignore[attr-defined]
        page.goto(f"{site}/evaluators/{AGENT}/kind")
        colours = page.evaluate(
            "[...document.querySelectorAll('.trend g .line')].map(one => getComputedStyle(one).stroke)"
        )
        assert 2 == len(set(colours)), scheme
        assert "none" not in colours
        page.close()
