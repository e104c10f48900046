"""Signing in as people do: in a real browser, by keyboard, on a laptop and a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.browsing import chromium, serving
from support.seeded import seeded_store, store_url
from support.signing import PASSWORD, make_accounts
from web.conftest import settings_for
from web.test_browser import CONTRAST

from burnish.domain.annotation.people import Role
from burnish.drivers.web import create_app

pytestmark = pytest.mark.slow
UNNAMED = (
    "[...document.querySelectorAll('input:not([type=hidden], [hidden])')].filter(one => !one.labels.length).length"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("signing")
    with seeded_store(store_url(folder)) as store:
        make_accounts(store)
        store.users.add("a name so long that no phone can show it in one line of its header", Role.REVIEWER, PASSWORD)
        with serving(create_app(store, settings_for(folder))) as address:
            yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


def seat(browser: Any, said: list[str], width: int = 1280, scheme: str = "light") -> Any:
    """A page of a browser that was not here before; what it complains of goes to `said`."""
    page = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, has_touch=width < 500
    ).new_page()  # fmt: skip
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if "Failed to load" not in message.text else None)
    return page


def sign_in(page: Any, site: str, name: str, path: str = "/") -> None:
    page.goto(site + path)
    page.wait_for_function("document.activeElement.name === 'name'")
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def test_in_to_what_is_allowed_and_out_again(browser: Any, site: str) -> None:
    """By keyboard alone: asked to sign in, wrong, right, told what is not theirs, out; going back shows nothing."""
    said: list[str] = []
    page = seat(browser, said)
    page.goto(f"{site}/account")
    assert page.url == f"{site}/login?next=%2Faccount"
    page.keyboard.type("reviewer")
    page.keyboard.press("Tab")
    page.keyboard.type("a wrong password")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert "name" == page.evaluate("document.activeElement.id")
    assert "reviewer" == page.input_value("#name")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Account").wait_for()
    assert 403 == page.goto(f"{site}/traces").status
    assert "This page is for experts and admins" in page.inner_text("main")
    assert 0 == page.get_by_role("link", name="Traces").count()
    page.get_by_role("button", name="reviewer").press("Enter")
    page.get_by_role("button", name="Sign out").press("Enter")
    page.get_by_role("heading", name="Sign in").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert [] == said
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_of_accounts_fits_and_is_read(browser: Any, site: str, width: int, scheme: str) -> None:
    """Nothing is wider than the window, text has its contrast, controls their names, menus their way by keyboard."""
    said: list[str] = []
    page = seat(browser, said, width, scheme)

    def look(what: str) -> None:
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), what
        assert [] == page.evaluate(CONTRAST), what
        assert 0 == page.evaluate(UNNAMED), what

    page.goto(f"{site}/login")
    look("login")
    sign_in(page, site, "admin", "/users")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    look("users")
    page.goto(f"{site}/account")
    look("account")
    page.get_by_role("button", name="admin", exact=True).press("Enter")
    look("menu of one's own")
    assert page.get_by_role("link", name="People").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="People").is_visible()
    if width < 500:
        assert not page.get_by_role("link", name="Traces").is_visible()
        page.get_by_role("button", name="Menu").press("Enter")
        look("menu")
    page.get_by_role("link", name="Traces").press("Enter")
    page.get_by_role("heading", name="Traces").wait_for()
    assert [] == said
    page.context.close()


def test_a_long_name_leaves_the_header_in_shape(browser: Any, site: str) -> None:
    """On a phone, a name of 66 characters is cut in the header and whole in the menu."""
    page = seat(browser, [], 390)
    sign_in(page, site, "a name so long that no phone can show it in one line of its header", "/account")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert page.evaluate("document.querySelector('.top').clientHeight") < 80
    page.context.close()


@pytest.mark.parametrize("script", [True, False])
def test_the_theme_is_kept_and_there_from_the_first_paint(browser: Any, site: str, script: bool) -> None:
    """The choice changes the page at once, holds on the next one as the server writes it, and can be taken back."""
    context = browser.new_context(color_scheme="light", java_script_enabled=script)
    page = context.new_page()
    page.goto(f"{site}/login?next=%2Ftraces")

    def back() -> str:
        colour: str = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        return colour

    light = back()
    page.get_by_role("button", name="You").click()
    page.get_by_role("button", name="Dark").click()
    page.locator("html[data-theme=dark]").wait_for()
    assert page.url == f"{site}/login?next=%2Ftraces"
    assert light != back()
    assert 'data-theme="dark"' in context.request.get(f"{site}/login").text()
    page.reload()
    assert light != back()
    page.get_by_role("button", name="You").click()
    page.get_by_role("button", name="Auto").click()
    page.locator("html:not([data-theme=dark])").wait_for()
    page.wait_for_load_state()  # without the script the choice is a page of its own
    page.reload()
    assert light == back()
    context.close()


def test_a_session_that_ended_takes_the_whole_page_to_the_form(browser: Any, site: str) -> None:
    """What htmx asks for after the session is over leads to the form and back; a refusal is said as a notice."""
    page = seat(browser, [])
    sign_in(page, site, "admin", "/account")
    page.evaluate("htmx.ajax('POST', '/users/remove', {values: {name: 'admin'}, swap: 'none'})")
    page.locator(".toast.bad").wait_for()
    assert "Another admin removes your account" in page.inner_text("#toasts")
    page.context.clear_cookies()
    page.evaluate("htmx.ajax('GET', '/users', {target: '#main'})")
    page.wait_for_url(f"{site}/login?next=%2Faccount")
    assert {} == page.evaluate("({...localStorage})")
    page.context.close()
