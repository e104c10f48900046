"""What the demo shows of its night. Models wrote some of it with traces before them, so all of it is untrusted text."""

import difflib
from typing import TYPE_CHECKING, Any

from burnish.drivers.cli.output import console, heading, print_text
from burnish.drivers.visible import visible

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["show_night"]


def show_night(store: "Store", result: dict[str, Any]) -> None:
    """The chosen proposal with its diff, where there is one, and the report of `result`, the improve flow's."""
    from rich.markdown import Markdown
    from rich.syntax import Syntax

    if result["chosen"] is not None:
        proposal = store.proposals.get(result["chosen"])
        heading("The proposed diff")
        print_text(f"{proposal.title}\n{proposal.rationale}\n")
        for edit in proposal.edits:
            lines = difflib.unified_diff(
                edit.search.splitlines(), edit.replace.splitlines(), edit.path, edit.path, n=0, lineterm=""
            )
            shown = visible("\n".join(lines))
            console().print(Syntax(shown, "diff", word_wrap=True, background_color="default"))
    heading("The night's report")
    console().print(Markdown(visible(result["report"]), hyperlinks=False))
