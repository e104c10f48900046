"""Strangers' bytes neither crash anything nor cost a neighbour; `python -m benchmarks.fuzz` tries many more."""

from pathlib import Path

import pytest
from support.shared_data import ROOT

from benchmarks.fuzz.mappers import mappers
from benchmarks.fuzz.otlp_bodies import recorded_spans
from benchmarks.fuzz.run import fuzz_endpoint, fuzz_mapper

# Where the public recordings are absent our own spans are spoilt alone.
SHARED = ROOT.parent / "shared" / "data"
SPANS = recorded_spans(SHARED / "otel" / "generated_otlp")
MAPPERS = {mapper.name: mapper for mapper in mappers(SPANS, SHARED if SHARED.is_dir() else None)}


def test_a_thousand_spoilt_bodies_at_the_endpoint(tmp_path: Path) -> None:
    """No body crashes the step, memory stays, and every well-formed span of a body that can be read is stored."""
    found = fuzz_endpoint(1_000, seed=2, spans=SPANS, database=tmp_path / "fuzz.sqlite3")
    assert ([], []) == (found.crashes, found.lost)
    assert found.whole > 1_000
    assert min(found.outcomes[kind] for kind in ("stored", "partial", "refused")) > 200
    assert found.resident_mb[-1] - found.resident_mb[4] < 60


@pytest.mark.parametrize("name", MAPPERS)
def test_hundreds_of_spoilt_inputs_for_each_mapper(name: str) -> None:
    """Whatever a store answers with, a mapper gives traces that can be stored, and problems, or an InputError."""
    found = fuzz_mapper(MAPPERS[name], 400, seed=3)
    assert [] == found.crashes
    assert found.outcomes["mapped"] + found.outcomes["partial"] > 300
