"""Free search/replace edits, for models that the user declared strong."""

from collections.abc import AsyncIterator, Mapping, Sequence

from pydantic import ValidationError

from burnish.domain.base import Json
from burnish.domain.chat import ChatModel
from burnish.domain.prompts import apply_edits
from burnish.domain.proposals import Edit
from burnish.domain.proposing.draft import Draft, touched_clusters, trace_ids
from burnish.domain.proposing.edits import one_line
from burnish.domain.proposing.evidence import Evidence
from burnish.domain.proposing.questions import ask_rewrite, repair
from burnish.errors import BudgetExceededError, EditError, ModelError

__all__ = ["rewrite"]

MAX_EDITS = 12


async def rewrite(
    files: Mapping[str, str], allowed: Sequence[str], evidence: Evidence, model: ChatModel, notes: list[str]
) -> AsyncIterator[Draft]:
    """Ask for edits; ones that do not apply are sent back once with the reason.

    The draft after that is yielded as it is: whoever takes it checks it and keeps the reason.
    """
    groups = [*evidence.clusters, *evidence.labels]
    if not groups:
        return
    request = ask_rewrite(files, groups)
    try:
        reply = await model.complete(request)
        draft = _draft(reply.parsed, evidence)
        problem = _problem(files, draft.edits, allowed)
        if problem is not None:
            reply = await model.complete(repair(request, reply.text, problem))
            draft = _draft(reply.parsed, evidence)
    except BudgetExceededError:
        raise
    except (ModelError, ValidationError) as error:
        notes.append(f"no rewrite: {error}")
        return
    if draft.edits:
        yield draft


def _problem(files: Mapping[str, str], edits: Sequence[Edit], allowed: Sequence[str]) -> str | None:
    try:
        apply_edits(files, edits, allowed)
    except EditError as error:
        return str(error)
    return None


def _draft(answer: Json, evidence: Evidence) -> Draft:
    fields = answer if isinstance(answer, dict) else {}
    listed = fields.get("edits")
    edits = tuple(Edit.model_validate(edit) for edit in listed[:MAX_EDITS]) if isinstance(listed, list) else ()
    groups = [*evidence.clusters, *evidence.labels]
    return Draft(
        proposer="rewrite",
        title=one_line(str(fields.get("title", "")), 80) or "Rewrite parts of the prompt",
        rationale=one_line(str(fields.get("rationale", "")), 600),
        edits=edits,
        cluster_ids=touched_clusters(groups, evidence),
        evidence_trace_ids=trace_ids(groups),
    )
