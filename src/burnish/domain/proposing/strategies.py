"""Every strategy in a sensible order: what small models do well comes first."""

from collections.abc import AsyncIterator, Mapping, Sequence

from burnish.domain.chat import ChatModel
from burnish.domain.proposing.draft import Draft
from burnish.domain.proposing.evidence import Evidence
from burnish.domain.proposing.meanings import meanings
from burnish.domain.proposing.rewrite import rewrite
from burnish.domain.proposing.rules import rules

__all__ = ["drafts", "main_prompt"]

_TEXT = (".md", ".txt", ".prompt", ".j2", ".jinja")


def main_prompt(files: Mapping[str, str], named: str | None) -> str | None:
    """The prompt that takes new instructions: the one the target names, else the longest text file."""
    if named in files:
        return named
    texts = [path for path in files if path.endswith(_TEXT) and files[path].strip()]
    return max(texts, key=lambda path: (len(files[path]), path), default=None)


async def drafts(
    files: Mapping[str, str],
    allowed: Sequence[str],
    evidence: Evidence,
    model: ChatModel,
    notes: list[str],
    *,
    prompt: str | None = None,
) -> AsyncIterator[Draft]:
    """Drafts, lazily: a caller that has enough stops, and no further question is asked.

    `files` are the files that may change; `prompt` is the one the target names. What came to nothing is said in
    `notes`. Raises BudgetExceededError.
    """
    async for draft in meanings(files, evidence, model, notes):
        yield draft
    if model.strong:
        async for draft in rewrite(files, allowed, evidence, model, notes):
            yield draft
    main = main_prompt(files, prompt)
    if main is None:
        notes.append("no prompt file to add instructions to: [improve] files match no text file")
        return
    async for draft in rules(files, main, evidence, model, notes):
        yield draft
