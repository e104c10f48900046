"""Labels that the prompt names without saying what they mean: people's corrections say it."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from burnish.domain.chat import ChatModel
from burnish.domain.proposals import Edit
from burnish.domain.proposing.draft import Draft, touched_clusters, trace_ids
from burnish.domain.proposing.edits import LabelLine, edits_between, find_label, one_line
from burnish.domain.proposing.evidence import Case, Evidence, Group, as_text, diverse
from burnish.domain.proposing.questions import MAX_MEANING, ask_meaning
from burnish.errors import BudgetExceededError, ModelError

__all__ = ["meanings"]

MINIMUM_CASES = 2
MAX_LABELS = 40
QUOTES = 2
QUOTE_LENGTH = 120


class _Meaning(NamedTuple):
    line: LabelLine
    group: Group
    sentence: str


async def meanings(
    files: Mapping[str, str], evidence: Evidence, model: ChatModel, notes: list[str], *, quote: bool = True
) -> AsyncIterator[Draft]:
    """Draft a sentence a label, then the same with short train utterances quoted (`quote`).

    One question a label that stands on a line of its own in exactly one file and has two cases or more. What cannot
    be asked goes to `notes`.
    """
    found = await _answers(files, evidence, model, notes)
    if not found:
        return
    groups = [meaning.group for meaning in found]
    cases = sum(len(group.cases) for group in groups)
    names = ", ".join(meaning.group.name for meaning in found)
    paths = " and ".join(sorted({meaning.line.path for meaning in found}))
    title = f"Say what {_count(len(found), 'label')} mean{'s' if len(found) == 1 else ''} in {paths}"
    rationale = (
        f"{_count(cases, 'trace')} corrected by people show what belongs to {names}. Each label gets one sentence, "
        "written from those traces."
    )
    common = {"cluster_ids": touched_clusters(groups, evidence), "evidence_trace_ids": trace_ids(groups)}
    plain = {meaning.line: f": {meaning.sentence}" for meaning in found}
    yield Draft(proposer="meanings", title=title, rationale=rationale, edits=_edits(files, plain), **common)
    if not quote:
        return
    quoted = {meaning.line: f": {_ended(meaning.sentence)}{_quotes(meaning.group)}" for meaning in found}
    if quoted != plain:
        yield Draft(
            proposer="meanings+examples",
            title=f"{title}, with examples",
            rationale=f"{rationale} Up to {QUOTES} short messages from the train split are quoted a label: check that "
            "they may stand in the repository.",
            edits=_edits(files, quoted),
            **common,
        )


async def _answers(files: Mapping[str, str], evidence: Evidence, model: ChatModel, notes: list[str]) -> list[_Meaning]:
    found = []
    for group in evidence.labels[:MAX_LABELS]:
        line = find_label(files, group.key)
        if line is None:
            continue
        if len(group.cases) < MINIMUM_CASES:
            notes.append(f"label '{as_text(group.key, 40)}' has {len(group.cases)} case; {MINIMUM_CASES} are needed")
            continue
        try:
            reply = await model.complete(ask_meaning(group))
        except BudgetExceededError:
            raise
        except ModelError as error:
            notes.append(f"no sentence for label '{as_text(group.key, 40)}': {error}")
            continue
        answer = reply.parsed.get("about") if isinstance(reply.parsed, dict) else None
        sentence = one_line(str(answer or ""), MAX_MEANING)
        if sentence:
            found.append(_Meaning(line, group, sentence))
    return found


def _edits(files: Mapping[str, str], endings: Mapping[LabelLine, str]) -> tuple[Edit, ...]:
    edits: list[Edit] = []
    for path in sorted({line.path for line in endings}):
        lines = files[path].splitlines(keepends=True)
        for line, ending in endings.items():
            if line.path == path:
                old = lines[line.number]
                lines[line.number] = line.head + ending + old[len(old.rstrip("\r\n")) :]
        if "".join(lines) != files[path]:
            edits.extend(edits_between(path, files[path], "".join(lines)))
    return tuple(edits)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _quotes(group: Group) -> str:
    short = [case for case in group.cases if _quotable(case)]
    texts = [one_line(as_text(case.input), QUOTE_LENGTH) for case in diverse(short, QUOTES)]
    return f" For example: {'; '.join(f'“{text}”' for text in texts)}" if texts else ""


def _quotable(case: Case) -> bool:
    """Short plain text without addresses or long numbers, which are often somebody's."""
    text = case.input
    return isinstance(text, str) and 3 < len(text.strip()) <= QUOTE_LENGTH and not re.search(r"@|://|\d{5}", text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
