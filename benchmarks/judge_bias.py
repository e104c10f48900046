"""What sways recorded judges: `python -m benchmarks.judge_bias [folder of the data]`

500 pairs of answers that three people compared (PandaLM), with the verdicts that gpt-3.5-turbo and PandaLM-7B gave when
that data was made, each in one order. By judge, against the majority of the people:

- kappa over first, second and tie, beside the kappas of the people with each other (the ceiling);
- place: how much more often the judge chooses the first answer than people do, on pairs that both decide, with the
  interval of paired shares and the exact McNemar test. (Orders were not recorded both ways, so flips are not known.)
- length: burnish's own figure (`domain.alignment.bias`) with "first is better" as a pass and the first answer's
  characters beyond the second's as the length: among pairs on which people say the same, does a longer first answer win
  more often?
"""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from burnish.domain.agreement import Agreement, agree
from burnish.domain.alignment.bias import LengthBias, Sized, length_bias
from burnish.domain.statistics import difference_of_pairs, differs

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
JUDGES = ("gpt-3.5-turbo", "pandalm-7b")
FIRST, SECOND = 1, 2


def main(folder: Path) -> None:
    """Print the table."""
    lines = (folder / "judge_human" / "pandalm_even.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    console = Console(width=150)
    table = Table("", "items", "kappa with people", "chooses the first", "longer first answers win", title="PandaLM")
    for judge in JUDGES:
        answered = [row for row in rows if row["judges"][judge] is not None]
        found = agree([row["judges"][judge] for row in answered], [row["human_majority"] for row in answered])
        place, length = place_of(answered, judge), length_of(answered, judge)
        table.add_row(judge, str(len(answered)), _kappa(found), place, _gap(length))
    for one, other in ((1, 2), (1, 3), (2, 3)):
        between = agree([row[f"annotator{one}"] for row in rows], [row[f"annotator{other}"] for row in rows])
        table.add_row(f"person {one} and {other}", str(len(rows)), _kappa(between), "", "")
    console.print(table)


def place_of(rows: list[dict[str, Any]], judge: str) -> str:
    """The judge's share of first places less the people's, on pairs that both decide."""
    pairs = [(row["judges"][judge] == FIRST, row["human_majority"] == FIRST) for row in _decided(rows, judge)]
    more, fewer = (sum(pair == kind for pair in pairs) for kind in ((True, False), (False, True)))
    low, high = difference_of_pairs(more, fewer, len(pairs), 0.95)
    gap = 100 * (more - fewer) / len(pairs)
    return f"{gap:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}), p = {differs(more, fewer):.2g}"


def length_of(rows: list[dict[str, Any]], judge: str) -> LengthBias:
    """Whether the longer answer wins more often than people let it."""
    return length_bias(
        [
            Sized(
                float(row["judges"][judge] == FIRST),
                float(row["human_majority"] == FIRST),
                float(len(str(row["response1"])) - len(str(row["response2"]))),
            )
            for row in _decided(rows, judge)
        ],
        0.5,
    )


def _decided(rows: list[dict[str, Any]], judge: str) -> list[dict[str, Any]]:
    return [row for row in rows if {row["judges"][judge], row["human_majority"]} <= {FIRST, SECOND}]


def _kappa(found: Agreement) -> str:
    return f"{found.kappa or 0:.2f} ({found.low or 0:.2f} to {found.high or 0:.2f})"


def _gap(found: LengthBias) -> str:
    gap, low, high = (100 * (value or 0.0) for value in (found.gap, found.low, found.high))
    return f"{gap:+.1f} points ({low:+.1f} to {high:+.1f}), p = {found.p_value:.2g}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
