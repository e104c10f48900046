"""The entries of the navigation, by who is there."""

from dataclasses import dataclass

from starlette.requests import Request

from burnish.drivers.web.visitors import Access, Visitor, may_open

__all__ = ["THEME_COOKIE", "Entry", "entries", "theme_of"]

THEME_COOKIE = "burnish_theme"


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: where it leads, what it is called, and who sees it."""

    path: str
    title: str
    access: Access


# An entry shows once app.py's table has its path.
ENTRIES = (
    Entry("/review", "Review", Access.REVIEWER),
    Entry("/traces", "Traces", Access.READER),
    Entry("/clusters", "Clusters", Access.READER),
    Entry("/datasets", "Datasets", Access.READER),
    Entry("/evaluators", "Evaluators", Access.READER),
    Entry("/agreement", "Agreement", Access.READER),
    Entry("/proposals", "Proposals", Access.READER),
    Entry("/experiments", "Experiments", Access.READER),
    Entry("/pull-requests", "Pull requests", Access.READER),
    Entry("/nights", "Nights", Access.READER),
)
OWN = (
    Entry("/account", "Account", Access.REVIEWER),
    Entry("/users", "People", Access.ADMIN),
)


def entries(paths: frozenset[str], visitor: Visitor, *, own: bool = False) -> list[Entry]:
    """Those of the application's pages that this visitor may open; without accounts, all of them.

    `own`: the entries of the visitor's menu instead of the pages'.
    """
    return [
        entry
        for entry in (OWN if own else ENTRIES)
        if entry.path in paths and (may_open(visitor, entry.access) or not visitor.accounts)
    ]  # fmt: skip


def theme_of(request: Request) -> str:
    """Light, dark, or auto: as the browser's system is."""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in ("light", "dark") else "auto"
