"""One instruction a failure cluster, added to the notes at the end of the prompt."""

from collections.abc import AsyncIterator, Mapping

from burnish.domain.chat import ChatModel
from burnish.domain.proposing.draft import Draft, trace_ids
from burnish.domain.proposing.edits import edits_between, one_line, with_note
from burnish.domain.proposing.evidence import Evidence, as_text
from burnish.domain.proposing.questions import MAX_RULE, ask_rule
from burnish.errors import BudgetExceededError, EditError, ModelError

__all__ = ["rules"]


async def rules(
    files: Mapping[str, str], prompt: str, evidence: Evidence, model: ChatModel, notes: list[str]
) -> AsyncIterator[Draft]:
    """Draft one instruction for each cluster, largest first, in the file `prompt`. Failed questions go to `notes`."""
    text = files[prompt]
    for group in evidence.clusters:
        name = as_text(group.name, 60)
        try:
            reply = await model.complete(ask_rule(group, text))
        except BudgetExceededError:
            raise
        except ModelError as error:
            notes.append(f"no instruction for cluster '{name}': {error}")
            continue
        answer = reply.parsed.get("instruction") if isinstance(reply.parsed, dict) else None
        rule = one_line(str(answer or ""), MAX_RULE)
        try:
            edits = edits_between(prompt, text, with_note(text, [rule])) if rule else ()
        except EditError as error:
            notes.append(str(error))
            continue
        if edits:
            yield Draft(
                proposer="rules",
                title=f"Add an instruction against: {name}",
                rationale=f"{len(group.cases)} traces of the cluster '{name}' fail alike; the instruction was written "
                "from them.",
                edits=edits,
                cluster_ids=(group.key,),
                evidence_trace_ids=trace_ids([group]),
            )
