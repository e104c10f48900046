"""The gate: when a proposal may become a pull request, and what the answer rests on."""

from burnish.domain.gate.across_nights import AcrossNights, FixedLevel, Saffron, begin
from burnish.domain.gate.attempts import Attempt, closed, opened, standing
from burnish.domain.gate.comparison import compare
from burnish.domain.gate.decision import Tonight, decide, enough
from burnish.domain.gate.judges import agreement_rows, held_to_account
from burnish.domain.gate.looks import Course, follow, look_sizes
from burnish.domain.gate.rule import GUARD_LEVEL, MISSINGNESS_LEVEL, GateRule
from burnish.domain.gate.verdict import Comparison, JudgeEvidence, Lift, Look, Outcome, Verdict

__all__ = [
    "GUARD_LEVEL",
    "MISSINGNESS_LEVEL",
    "AcrossNights",
    "Attempt",
    "Comparison",
    "Course",
    "FixedLevel",
    "GateRule",
    "JudgeEvidence",
    "Lift",
    "Look",
    "Outcome",
    "Saffron",
    "Tonight",
    "Verdict",
    "agreement_rows",
    "begin",
    "closed",
    "compare",
    "decide",
    "enough",
    "follow",
    "held_to_account",
    "look_sizes",
    "opened",
    "standing",
]
