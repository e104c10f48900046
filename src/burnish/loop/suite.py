"""The permanent suite at work: for a checkout in CI, for a night's proposal, and for cases run as tests.

Cases come from the agent's repository. `publish` adds only what train and dev held, so nothing held out is in them.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.domain.base import content_hash
from burnish.domain.evaluators.base import Evaluator
from burnish.domain.experiments import AgentVersion, Arm, Run
from burnish.domain.proposals import Proposal, ProposalStatus
from burnish.domain.suite import (
    Case,
    CaseResult,
    Measurement,
    SuiteOutcome,
    SuiteRule,
    SuiteVerdict,
    decide_suite,
    must_retry,
    read_cases,
    standings,
)
from burnish.errors import ConfigError, InputError, NotFoundError
from burnish.loop.arrange import arrange, perform
from burnish.loop.experiment import Progress
from burnish.loop.measure import BASELINE
from burnish.loop.metrics import scores_runs

if TYPE_CHECKING:
    from burnish.loop.context import Workshop
    from burnish.settings import Settings

__all__ = ["CHANGE", "check_cases", "gate_checkout", "guard_regressions", "hold_to"]

CHANGE = "change"
NO_DIFFERENCE = "The checkout holds the same files as the base, so this says how steady the agent is and no more."
SPENT = "The budget ended the measurement early: raise [budget] in the agent's file."


async def gate_checkout(
    settings: "Settings",
    agent: str,
    repo: Path,
    base: str,
    *,
    repetitions: int | None = None,
    margin: float | None = None,
    leave_out: Iterable[Path] = (),
    progress: Progress | None = None,
) -> SuiteVerdict:
    """Run the suite of the checkout that `repo` lies in, interleaved with the version at `base`, and decide.

    `leave_out` are files of the checkout that are no part of the change, such as the reports this makes. The same
    two versions are measured once: a second call reads the store. Raises NotFoundError without a single case,
    InputError for case files that cannot be read, TargetError where the agent cannot be started.
    """
    from burnish.adapters.publishing.checkout import Checkout
    from burnish.loop.context import open_workshop
    from burnish.project import load_agent

    config = load_agent(settings.project, agent)
    folder = _folder(config.repository.evals_dir, agent)
    with Checkout.open(repo, settings.home_dir) as checkout:
        before, after = checkout.base(base), checkout.snapshot(leave_out)
        cases = read_cases(checkout.files(after, folder))
        if not cases:
            raise NotFoundError(
                f"no cases in {checkout.root / folder}; accepted proposals add them, or write a list of them in a "
                f"file like {folder}/by-hand.yaml"
            )
        known = _known(checkout.files(before, folder))
        given = (("repetitions", repetitions), ("margin", margin))
        rule = config.suite.model_copy(update={name: value for name, value in given if value is not None})
        present = {case.id: case for case in cases}
        # The checkout stays open while its versions run: a night of another agent prunes folders that nobody uses.
        async with open_workshop(agent, f"{agent}/gate/{content_hash(before.id, after.id)}", settings) as workshop:
            arms = [Arm(name=BASELINE, version=before), Arm(name=CHANGE, version=after)]
            added = frozenset(present) - frozenset(known)
            verdict = await _judge(workshop, cases, arms, rule, added, progress)
    notes = [NO_DIFFERENCE] if before.id == after.id else []
    removed = tuple(sorted(known.keys() - present.keys()))
    altered = tuple(sorted(i for i in known.keys() & present.keys() if known[i] != present[i]))
    if removed:
        notes.append(f"The change removes cases: {', '.join(removed[:5])}. They were not run.")
    if altered:
        notes.append(f"The change rewrites cases: {', '.join(altered[:5])}. Both sides ran them as they are now.")
    return verdict.model_copy(
        update={
            "base": before.label,
            "candidate": after.label,
            "removed": removed,
            "altered": altered,
            "reasons": (*verdict.reasons, *notes),
        }
    )


async def guard_regressions(workshop: "Workshop", proposal: Proposal, progress: Progress | None = None) -> SuiteVerdict:
    """Hold an accepted proposal against the suite found in the agent's repository at the proposal's base commit.

    A regression makes the proposal refused, an answer that could not be had inconclusive; a suite that is merely too
    small does neither. Started again, it goes on where it stood.
    """
    config, repository, commit = workshop.config, workshop.repository, proposal.base_commit
    folder = config.repository.evals_dir.strip("/")
    try:
        files = await asyncio.to_thread(repository.read_files, (f"{folder}/**",), commit) if folder else {}
        cases = read_cases(files)
    except InputError as error:
        verdict = SuiteVerdict(
            outcome=SuiteOutcome.INCONCLUSIVE, reasons=("The suite cannot be read.", *str(error).splitlines())
        )
    else:
        if cases:
            arms = [
                Arm(name=BASELINE, version=repository.worktree(content_hash(commit, []), commit, ())),
                Arm(name=proposal.id, version=_changed(workshop, proposal)),
            ]
            verdict = await _judge(workshop, cases, arms, config.suite, frozenset(), progress)
        else:
            where = f"{folder}/" if folder else "this repository"
            verdict = SuiteVerdict(outcome=SuiteOutcome.PASS, reasons=(f"There is no suite yet: no cases in {where}.",))
    verdict = verdict.model_copy(update={"base": commit[:8], "candidate": proposal.id})
    hold_to(workshop, proposal, verdict)
    return verdict


def hold_to(workshop: "Workshop", proposal: Proposal, verdict: SuiteVerdict) -> None:
    """Move a proposal that the suite speaks against: refused for a regression, else inconclusive."""
    if verdict.blocks:
        refused = verdict.outcome is SuiteOutcome.REGRESSION
        status = ProposalStatus.REFUSED if refused else ProposalStatus.INCONCLUSIVE
        reason = f"The permanent suite: {' '.join(verdict.reasons[:2])}"
        workshop.store.proposals.set_status(proposal.id, status, reason)


async def check_cases(
    settings: "Settings", agent: str, repo: Path, ids: Sequence[str] | None = None, progress: Progress | None = None
) -> dict[str, CaseResult]:
    """Run cases of the checkout on the checkout alone, by id (None: all): how each stands, without a base."""
    from burnish.adapters.publishing.checkout import Checkout
    from burnish.loop.context import open_workshop
    from burnish.project import load_agent

    config = load_agent(settings.project, agent)
    with Checkout.open(repo, settings.home_dir) as checkout:
        version = checkout.snapshot()
        found = read_cases(checkout.files(version, _folder(config.repository.evals_dir, agent)))
        cases = tuple(case for case in found if ids is None or case.id in ids)
        arms = [Arm(name=CHANGE, version=version)]
        async with open_workshop(agent, f"{agent}/check/{version.id}", settings) as workshop:
            measured, _, _ = await _measured(workshop, cases, arms, config.suite, progress)
    return {result.id: result for result in standings(measured)}


async def _judge(
    workshop: "Workshop",
    cases: Sequence[Case],
    arms: Sequence[Arm],
    rule: SuiteRule,
    added: frozenset[str],
    progress: Progress | None,
) -> SuiteVerdict:
    measured, experiment_id, exhausted = await _measured(workshop, cases, arms, rule, progress)
    verdict = decide_suite(measured, rule, added=added, doubts=(SPENT,) if exhausted else ())
    return verdict.model_copy(update={"agent": workshop.config.name, "experiment_id": experiment_id})


async def _measured(
    workshop: "Workshop", cases: Sequence[Case], arms: Sequence[Arm], rule: SuiteRule, progress: Progress | None
) -> tuple[Measurement, str, bool]:
    """Run the cases, then once more those that must pass and did not; both are found done when started again."""
    config = workshop.config
    evaluators = _evaluators(workshop, rule)
    applies = {e.name: frozenset(case.id for case in cases if _applies(e, case)) for e in evaluators}
    pass_at = rule.pass_at if rule.pass_at is not None else config.improve.fail_below

    async def run(wanted: Sequence[Case], name: str) -> tuple[str, list[list[Run]], bool]:
        examples = [case.example for case in wanted]
        # Its name is a night's, so that a second try draws fresh answers where the first one's are cached.
        night, metric = f"{workshop.night}/{name}", evaluators[0].name
        experiment = arrange(
            workshop, night, "suite", arms, examples, evaluators, metric=metric, repetitions=rule.repetitions
        )
        summary = await perform(workshop, experiment, arms, examples, evaluators, progress)
        found = await asyncio.to_thread(workshop.store.experiments.runs, experiment.id)
        return experiment.id, [[r for r in found if r.key.arm == arm.name] for arm in arms], summary.exhausted

    judged = [case for case in cases if any(case.id in ids for ids in applies.values())]
    experiment_id, runs, exhausted = await run(judged, "suite") if judged else ("", [[] for _ in arms], False)
    measured = Measurement(
        cases=cases,
        applies=applies,
        pass_at=pass_at,
        baseline=runs[0] if len(arms) > 1 else (),
        candidate=runs[-1],
    )
    again = must_retry(measured)
    if again and not exhausted:
        _, second, exhausted = await run(again, "suite/again")
        measured = Measurement(
            cases=cases,
            applies=applies,
            pass_at=pass_at,
            baseline=measured.baseline,
            candidate=measured.candidate,
            again_baseline=second[0] if len(arms) > 1 else (),
            again_candidate=second[-1],
        )
    return measured, experiment_id, exhausted


def _evaluators(workshop: "Workshop", rule: SuiteRule) -> list[Evaluator]:
    config = workshop.config
    found = {evaluator.name: evaluator for evaluator in workshop.evaluators}
    comparing = {name for name, evaluator in found.items() if evaluator.compares_arms}
    usual = [config.improve.metric, *config.gate.guards]
    if config.improve.metric in comparing:
        usual[0] = config.improve.fails_on if scores_runs(found[config.improve.fails_on]) else config.improve.metric
    wanted = list(dict.fromkeys(rule.metrics or (name for name in usual if name not in comparing)))
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ConfigError(
            f"agent '{config.name}': [suite] metrics names {', '.join(missing)}, which no evaluator is called; there "
            f"are: {', '.join(found)}"
        )
    if not wanted or comparing & set(wanted):
        raise ConfigError(
            f"agent '{config.name}': a case passes or fails by itself, which a judge that compares with the baseline "
            "cannot say; name other evaluators in [suite] metrics, or one in [improve] failing"
        )
    return [found[name] for name in wanted]


def _applies(evaluator: Evaluator, case: Case) -> bool:
    """Whether an evaluator judges a case: as in any offline run, of its filters only `has_expected` counts."""
    return evaluator.applies.has_expected in (None, case.expected is not None)


def _changed(workshop: "Workshop", proposal: Proposal) -> AgentVersion:
    identity = content_hash(proposal.base_commit, [edit.model_dump() for edit in proposal.edits])
    return workshop.repository.worktree(identity, proposal.base_commit, proposal.edits)


def _known(files: Mapping[str, str]) -> dict[str, Case]:
    """The base's cases by id; a base whose files cannot be read knows none, since the change may be what mends them."""
    try:
        return {case.id: case for case in read_cases(files)}
    except InputError:
        return {}


def _folder(evals_dir: str, agent: str) -> str:
    folder = evals_dir.strip("/")
    if not folder:
        raise ConfigError(f"agent '{agent}' keeps no cases: [repository] evals_dir is empty")
    return folder
