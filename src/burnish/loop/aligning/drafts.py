"""Draft changes to a judge from train labels, ask the changed judges, and see which does best on train."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from burnish.domain.alignment.candidates import Candidate, Choice, choose_candidate, to_measure
from burnish.domain.alignment.examples import choose_examples, with_examples
from burnish.domain.alignment.fitting import fit_threshold, threshold_out_of_fold
from burnish.domain.alignment.labelled import Labelled
from burnish.domain.alignment.rewording import reword
from burnish.domain.chat import ChatModel
from burnish.domain.evaluators.base import EvaluationContext, Filter
from burnish.domain.evaluators.judge import Judge
from burnish.domain.evaluators.run import EvaluatorResult, evaluate_traces
from burnish.errors import EditError
from burnish.loop.aligning.files import changed_files

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.loop.context import Workshop

__all__ = ["ask_judge", "choose_on_train", "drafts", "verdicts_of"]

CASES = 8  # disagreements shown to the model that rewords
Asked = Callable[[int, int, str], None]
Verdicts = dict[str, bool | None]


async def drafts(workshop: "Workshop", judge: Judge, train: Sequence[Labelled], notes: list[str]) -> list[Candidate]:
    """Changed judges that the project's files can say, cheapest first. What came to nothing is in `notes`.

    Raises BudgetExceededError.
    """
    rule, fail_below = workshop.config.align, workshop.config.improve.fail_below
    found: list[Candidate] = []
    present = judge.pass_at or fail_below
    if judge.scale is not None or (judge.criteria and judge.pass_at is None):
        cut = fit_threshold(train, present)
        if cut != present:
            changed = judge.model_copy(update={"pass_at": cut})
            why = (
                f"On {len(train)} train labels kappa is highest where scores from {cut:g} up pass ({present:g} before)."
            )
            found.append(Candidate(way="threshold", judge=changed, title=f"Pass from {cut:g} up", rationale=why))
    taken = [example.trace for example in judge.examples]
    chosen = choose_examples(train, rule.examples, taken)
    if chosen:
        found.append(
            Candidate(
                way="examples",
                judge=with_examples(judge, chosen, rule.example_chars, rule.most_examples),
                title=f"Show {len(chosen)} runs that people judged otherwise",
                rationale=_why_examples(train, chosen),
                made_from=tuple(item.trace_id for item in chosen),
            )
        )
    cases = choose_examples(train, CASES, taken)
    reworded = await reword(judge.rubric, cases, workshop.proposer, notes) if cases else None
    if reworded is not None:
        found.append(
            Candidate(
                way="rubric",
                judge=judge.model_copy(update={"rubric": reworded.rubric}),
                title=reworded.title,
                rationale=reworded.rationale,
                made_from=reworded.shown,
            )
        )
    return [candidate for candidate in found if _can_be_written(workshop, judge, candidate, notes)]


async def choose_on_train(
    workshop: "Workshop",
    judge: Judge,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    progress: Asked | None = None,
) -> Choice:
    """Which candidate goes on. A threshold is measured out of fold, the others on labels they were not made from."""
    present = judge.pass_at or workshop.config.improve.fail_below
    measured: dict[str, tuple[Sequence[Labelled], Mapping[str, bool | None]]] = {}
    for candidate in candidates:
        items = to_measure(candidate, train, workshop.config.align.train_limit)
        if candidate.way == "threshold":
            measured[candidate.way] = items, threshold_out_of_fold(items, present)
        else:
            measured[candidate.way] = items, await verdicts_of(workshop, candidate, items, progress)
    return choose_candidate(measured)


async def verdicts_of(
    workshop: "Workshop", candidate: Candidate, items: Sequence[Labelled], progress: Asked | None = None
) -> Verdicts:
    """The candidate's pass or failure by trace id. A threshold asks nobody: it reads what the judge has said."""
    if candidate.way == "threshold":
        cut = candidate.judge.pass_at or 0.0
        return {item.trace_id: item.judge >= cut for item in items}
    ids = [item.trace_id for item in items]
    pass_at = workshop.config.improve.fail_below
    note = f"labels judged with other {candidate.way}"
    try:
        return await ask_judge(workshop.store, candidate.judge, workshop.judge, ids, pass_at, progress, note)
    finally:
        await workshop.book_calls()


async def ask_judge(
    store: "Store",
    judge: Judge,
    model: ChatModel,
    trace_ids: Sequence[str],
    pass_at: float,
    progress: Asked | None = None,
    note: str = "labels judged",
) -> Verdicts:
    """Ask a judge about traces; nothing is stored. None is a reply that is no verdict.

    A trace that could not be measured (a time-out, a rate limit, a trace that is gone) is left out. Raises
    BudgetExceededError; what was answered by then is in the reply cache.
    """
    asked = judge.model_copy(update={"applies": Filter()})
    found: Verdicts = {}
    seen = 0

    def told(result: EvaluatorResult) -> None:
        nonlocal seen
        seen += 1
        if progress is not None:
            progress(seen, len(trace_ids), note)
        if result.failure is not None:
            if result.failure.error not in ("TransientModelError", "TimeoutError", "GivenUpError"):
                found[result.trace_id] = None
            return
        scores = [item.score for item in result.feedback if item.key == judge.name and item.score is not None]
        found[result.trace_id] = scores[0] >= pass_at if scores else None

    contexts = [EvaluationContext(trace=trace, judge=model) for trace in store.traces.load(list(trace_ids))]
    await evaluate_traces(contexts, [asked], on_result=told)
    return found


def _why_examples(train: Sequence[Labelled], chosen: Sequence[Labelled]) -> str:
    wrong = sum(item.disagrees for item in train)
    single = sum(item.teaches and not item.disagrees for item in train)
    more = f", and on {single} more on single criteria" if single else ""
    passes = sum(item.passes for item in chosen)
    return (
        f"The judge and people part on {wrong} of {len(train)} train labels{more}. {len(chosen)} of those runs become "
        f"examples: people pass {passes} and fail {len(chosen) - passes} of them."
    )


def _can_be_written(workshop: "Workshop", judge: Judge, candidate: Candidate, notes: list[str]) -> bool:
    try:
        changed_files(workshop.settings.project, judge, candidate.judge)
    except EditError as error:
        notes.append(f"no change of {candidate.way}: {error}")
        return False
    return True
