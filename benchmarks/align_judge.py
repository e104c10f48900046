"""Is a changed judge accepted only where it is better? `python -m benchmarks.align_judge [--model] [--plays N]`

Without a model, on 500 pairs of answers that three people compared (PandaLM), with recorded verdicts of two judges.
Pairs that people call equal are left out; an item passes where the first answer is better.

- how far the judges and people agree, and where the judge puts its ties
- a change of nothing: on a third of the items the judge says what it said of another item that people label alike, so
  its TPR and TNR stay what they are on average. How often is it accepted: at the first attempt, and at any of twenty on
  the same held-out labels?
- a change for the better: the judge's verdicts are one person's instead (people are then the majority of the other two,
  where they agree). How often is it accepted, by the number of held-out labels?

With `--model`: a real attempt. The embedded model judges whether sentences of CoLA are grammatical; linguists' labels
say what is right. The whole week runs in a project of its own: some 150 calls for 60 labels, 20 s each on two cores.
"""

import argparse
import asyncio
import datetime as dt
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from burnish.domain.agreement import agree
from burnish.domain.alignment.accepting import decide_trial
from burnish.domain.alignment.fitting import fit_threshold, threshold_out_of_fold
from burnish.domain.alignment.labelled import Labelled
from burnish.domain.alignment.rule import AlignRule, level_of
from burnish.domain.datasets import Split
from burnish.domain.gate import Outcome
from burnish.domain.statistics import differs, wilson

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "judge_human"
JUDGE = "gpt-3.5-turbo"
SIZES = (30, 60, 100, 200)
ATTEMPTS = 20
REDRAWN = 1 / 3
RULE = AlignRule()
MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
Row = dict[str, Any]


def labelled(number: int, passes: bool, said: bool, score: float | None = None) -> Labelled:
    """An item of its own group."""
    return Labelled(
        trace_id=str(number), passes=passes, judge=float(said) if score is None else score, said=said,
        group=str(number), split=Split.HELD_OUT, labelled_at=MOMENT,
    )  # fmt: skip


def pairs(rows: Sequence[Row]) -> list[Labelled]:
    """What the recorded judge and the majority of people say; a tie of the judge is no pass."""
    return [
        labelled(row["idx"], row["human_majority"] == 1, row["judges"][JUDGE] == 1, _score(row["judges"][JUDGE]))
        for row in rows
        if row["human_majority"] in (1, 2) and row["judges"][JUDGE] is not None
    ]


def _score(verdict: int) -> float:
    return {1: 1.0, 0: 0.5, 2: 0.0}[verdict]


def nothing(items: Sequence[Labelled], world: Sequence[Labelled], rng: random.Random) -> dict[str, bool | None]:
    """The judge's own verdicts, some of them drawn anew from all that it says of items that people label alike."""
    pools = {side: [item.said for item in world if item.passes is side] for side in (True, False)}
    return {item.trace_id: rng.choice(pools[item.passes]) if rng.random() < REDRAWN else item.said for item in items}


def accepted(items: Sequence[Labelled], said: dict[str, bool | None], attempt: int = 0) -> Outcome:
    """The verdict of burnish's own rule on an attempt."""
    level = level_of(RULE, attempt)
    return decide_trial("first", "p", "n", items, said, level, RULE, attempts_before=attempt).verdict.outcome


def draw(items: Sequence[Labelled], count: int, rng: random.Random) -> list[Labelled]:
    """Items drawn with replacement, each for itself: as if people had labelled that many of the same kind."""
    return [
        item.model_copy(update={"trace_id": str(n), "group": str(n)})
        for n, item in enumerate(rng.choices(items, k=count))
    ]


def share(found: int, total: int) -> str:
    """A share with its interval."""
    low, high = wilson(found, total)
    return f"{found / total:.1%} ({low:.1%} to {high:.1%})"


def recorded(rows: Sequence[Row], console: Console) -> None:
    """Agreement of judges and people, the judge's ties, and where it puts its wins."""
    table = Table("who", "beside", "items", "kappa (95 %)", title="Three verdicts: first, second, equal")
    for name in rows[0]["judges"]:
        told = [(r["judges"][name], r["human_majority"]) for r in rows if r["judges"][name] is not None]
        table.add_row(name, "majority", str(len(told)), _kappa([a for a, _ in told], [b for _, b in told]))
    for one, two in ((1, 2), (1, 3), (2, 3)):
        told = [(r[f"annotator{one}"], r[f"annotator{two}"]) for r in rows]
        table.add_row(
            f"annotator {one}", f"annotator {two}", str(len(told)), _kappa([a for a, _ in told], [b for _, b in told])
        )
    console.print(table)
    decided = [r for r in rows if r["human_majority"] in (1, 2) and r["judges"][JUDGE] in (1, 2)]
    first = sum(r["judges"][JUDGE] == 1 and r["human_majority"] == 2 for r in decided)
    second = sum(r["judges"][JUDGE] == 2 and r["human_majority"] == 1 for r in decided)
    console.print(
        f"{JUDGE} errs for the first answer {first} times and for the second {second} times of {len(decided)}: "
        f"p = {differs(first, second):.2f} that the place does not matter."
    )
    items = pairs(rows)
    cut, out_of_fold = fit_threshold(items, 0.75), threshold_out_of_fold(items, 0.75)
    changed = agree([float(out_of_fold[i.trace_id]) for i in items], [float(i.passes) for i in items])
    before = agree([float(i.said) for i in items], [float(i.passes) for i in items])
    console.print(
        f"A tie counts as no win of the first: kappa {before.kappa:.3f}. Fitted threshold {cut:g} (0.75: a tie fails); "
        f"out of fold kappa {changed.kappa:.3f} on {len(items)} pairs."
    )


def simulate(rows: Sequence[Row], plays: int, console: Console) -> bool:
    """False and true acceptances; whether the false ones keep within what was promised."""
    items = pairs(rows)
    people = [
        labelled(r["idx"], r["annotator2"] == 1, r["judges"][JUDGE] == 1)
        for r in rows
        if r["annotator2"] == r["annotator3"] in (1, 2) and r["judges"][JUDGE] is not None
    ]
    said = {str(r["idx"]): r["annotator1"] == 1 for r in rows}
    better: list[tuple[Labelled, bool]] = [(item, said[item.trace_id]) for item in people]
    table = Table(
        "held-out labels", "nothing, first attempt", f"nothing, any of {ATTEMPTS}", "one person instead of the judge",
        title=f"Accepted, {plays} plays (series: {plays // 5})",
    )  # fmt: skip
    held = True
    for count in SIZES:
        rng = random.Random(count)
        false = 0
        for _ in range(plays):
            drawn = draw(items, count, rng)
            false += accepted(drawn, nothing(drawn, items, rng)) is Outcome.ACCEPTED
        series = 0
        for _ in range(plays // 5):
            drawn = draw(items, count, rng)
            series += any(
                accepted(drawn, nothing(drawn, items, rng), attempt) is Outcome.ACCEPTED for attempt in range(ATTEMPTS)
            )
        true = 0
        for _ in range(plays // 5):
            picked = rng.choices(better, k=count)
            drawn = [one.model_copy(update={"trace_id": str(n), "group": str(n)}) for n, (one, _) in enumerate(picked)]
            true += accepted(drawn, {str(n): verdict for n, (_, verdict) in enumerate(picked)}) is Outcome.ACCEPTED
        held &= wilson(false, plays).low <= level_of(RULE, 0) and wilson(series, plays // 5).low <= RULE.level
        table.add_row(str(count), share(false, plays), share(series, plays // 5), share(true, plays // 5))
    console.print(table)
    console.print(
        f"Promised: at most {level_of(RULE, 0):.1%} at the first attempt, {RULE.level:.0%} over all attempts. "
        + ("Kept." if held else "NOT KEPT.")
    )
    return held


def _kappa(judge: Sequence[Any], people: Sequence[Any]) -> str:
    found = agree(judge, people)
    return f"{found.kappa:.3f} ({found.low:.3f} to {found.high:.3f})"


_SPEC = """kind: judge
name: grammatical
max_tokens: 90
timeout_s: 900
rubric: |
  The agent's final output is one English sentence, made of the words it was given. Pass: a native speaker finds it
  grammatical. Fail: they do not.
"""
_AGENT = """evaluators = ["grammatical"]

[repository]
url = "nowhere.git"

[target]
kind = "prompt"

[improve]
metric = "grammatical"

[align]
minimum_train = 5
train_limit = 40
held_out_limit = 60
"""


async def attempt(folder: Path, count: int, console: Console) -> None:
    """One week of a judge that is the embedded model."""
    from burnish.adapters.store import Store
    from burnish.domain.feedback import Feedback, FeedbackSource
    from burnish.domain.traces import Span, SpanKind, SpanStatus, Trace
    from burnish.loop.aligning.report import run_markdown
    from burnish.loop.aligning.stages import align_stage, finish_week
    from burnish.loop.aligning.week import booked_week
    from burnish.loop.context import open_workshop

    for path, text in {"evaluators/judges.yaml": _SPEC, "agents/linguist.toml": _AGENT}.items():
        (folder / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "config" / path).write_text(text)
    lines = (DATA / "jb_cola.jsonl").read_text().splitlines()
    rows = random.Random(5).sample([json.loads(line) for line in lines], count)
    traces, labels = [], []
    for number, row in enumerate(rows):
        trace_id, moment = f"{number:032x}", MOMENT + dt.timedelta(minutes=number)
        common = {"started_at": moment, "ended_at": moment + dt.timedelta(seconds=1)}
        said = row["instance"]
        asked = " ".join(sorted(said.split()))  # inputs that look alike would be one group, on one side of the split
        root = Span(
            trace_id=trace_id, span_id="0" * 16, name="write", kind=SpanKind.AGENT, input=asked, output=said, **common
        )
        traces.append(
            Trace(
                trace_id=trace_id, agent="linguist", source="otlp", name="write", status=SpanStatus.OK, input=asked,
                output=said, spans=(root,), **common,
            )
        )  # fmt: skip
        good = row["annotations"]["grammaticality"]["majority_human"] == "Yes"
        labels.append(
            Feedback(
                trace_id=trace_id, key="review", source=FeedbackSource.HUMAN, author="linguists", score=float(good),
                created_at=moment,
            )
        )  # fmt: skip
    os.environ |= {"BURNISH_PROJECT": str(folder), "BURNISH_HOME": str(folder / ".burnish")}
    with Store.open(f"sqlite:///{folder / '.burnish' / 'burnish.sqlite3'}") as store:
        store.traces.add(traces)
        store.feedback.add(labels)
    started = time.monotonic()

    def told(done: int, total: int, note: str) -> None:
        print(
            f"\r{time.monotonic() - started:5.0f} s: {done} of {total} {note}   ", end="", file=sys.stderr, flush=True
        )

    async with booked_week("linguist") as week, open_workshop("linguist", week) as workshop:
        run = await align_stage(workshop, "grammatical", told)
        finish_week(workshop, ["grammatical"])
        calls, _ = workshop.store.calls.spent(week)
    console.print(f"\n{run_markdown(run)}\n\n{calls} model calls in {time.monotonic() - started:.0f} s")


def main() -> int:
    """Print both parts; 1 where false acceptances exceed what is promised."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", action="store_true", help="also the real attempt with the embedded model")
    parser.add_argument("--plays", type=int, default=400)
    parser.add_argument("--labels", type=int, default=60, help="of the real attempt")
    asked = parser.parse_args()
    console = Console(width=120)
    file = DATA / "pandalm_even.jsonl"
    if not file.is_file():
        console.print(f"needs {file}, which is not on this machine")
        return 0
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    recorded(rows, console)
    held = simulate(rows, asked.plays, console)
    if asked.model:
        with tempfile.TemporaryDirectory(prefix="burnish-align-") as folder:
            asyncio.run(asyncio.wait_for(attempt(Path(folder), asked.labels, console), timeout=7_200))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
