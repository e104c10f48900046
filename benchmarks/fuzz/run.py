"""Feeds spoilt bodies to the endpoint's step and to the mappers, and holds what comes out against what went in."""

import os
import random
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fuzz.mappers import Mapper
from benchmarks.fuzz.mutations import mutate
from benchmarks.fuzz.otlp_bodies import MAX_BYTES, Body, make_body
from burnish.adapters.store import Store
from burnish.adapters.store.ingest import head_json, prepare
from burnish.adapters.store.rows import clean_json
from burnish.domain.feedback import Feedback
from burnish.domain.listing import IngestSummary
from burnish.domain.traces import Span, Trace
from burnish.errors import InputError, SourceError
from burnish.loop.ingest import encode_response, receive
from burnish.loop.screen import TakenByPart

__all__ = ["Findings", "fuzz_endpoint", "fuzz_mapper", "resident_mb"]

EVERY_STORED = 25  # one body in so many goes through a real database
KEPT = 20


@dataclass
class Findings:
    """What a run found. `outcomes` counts bodies, `whole` the well-formed spans put in, `lost` those not stored."""

    outcomes: Counter[str] = field(default_factory=Counter)
    whole: int = 0
    lost: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing crashed and nothing was lost."""
        return not self.lost and not self.crashes


class Shelf:
    """What the store does with traces short of the database: serialises them, and reads some back."""

    def __init__(self) -> None:
        self.stored: set[tuple[str, str]] = set()
        self._count = 0

    @property
    def traces(self) -> "Shelf":
        return self

    @property
    def feedback(self) -> "Heard":
        return Heard()

    @property
    def redactions(self) -> "Counted":
        return Counted()

    def agents(self, _trace_ids: Sequence[str]) -> dict[str, str]:
        return {}

    def add(self, traces: Iterable[Trace], taken: TakenByPart | None = None) -> IngestSummary:
        for trace in traces:
            prepared = prepare(trace)
            self.stored |= {(trace.trace_id, span_id) for span_id in prepared.spans}
            self._count += 1
            if self._count % 10 == 0:
                Trace.model_validate_json(head_json(prepared.trace))
                for _, body in prepared.spans.values():
                    Span.model_validate_json(body)
        return IngestSummary()


class Heard:
    """What the store does with feedback, short of the database."""

    def add(self, items: Iterable[Feedback]) -> int:
        return len([clean_json(item) for item in items])


class Counted:
    """What the store does with counts of redactions, short of the database."""

    def add(self, agent: str, counts: Mapping[str, int]) -> None:
        assert all(counts.values())


def fuzz_endpoint(count: int, seed: int, spans: Sequence[dict[str, Any]], database: Path) -> Findings:
    """Send `count` bodies, the same ones for the same seed, through `receive`, some of them into a new database."""
    findings = Findings()
    with Store.open(f"sqlite:///{database}") as store:
        for number in range(count):
            body = make_body(random.Random(f"{seed}/{number}"), list(spans))
            try:
                _send(store if number % EVERY_STORED == 0 else None, body, number, findings)
            except Exception:
                _crashed(findings, f"body {number} of seed {seed}")
            if number % max(1, count // 20) == 0:
                findings.resident_mb.append(resident_mb())
    findings.resident_mb.append(resident_mb())
    return findings


def _send(store: Store | None, body: Body, number: int, findings: Findings) -> None:
    shelf = Shelf()
    given: Any = shelf if store is None else store
    try:
        result = receive(
            given, "agent", body.data, body.content_type, body.encoding, max_bytes=MAX_BYTES, logs=body.logs
        )
    except InputError:
        findings.outcomes["refused"] += 1
        if body.readable:
            findings.lost.append(f"body {number} was refused as a whole")
        return
    encode_response(result, body.content_type, logs=body.logs)
    findings.outcomes["partial" if result.rejected else "stored"] += 1
    if body.whole:
        findings.whole += len(body.whole)
        stored = shelf.stored if store is None else _found(store, body)
        missing = body.whole - stored
        if missing and len(findings.lost) < KEPT:
            findings.lost.append(f"body {number}: {len(missing)} of {len(body.whole)} whole spans are not stored")


def _found(store: Store, body: Body) -> set[tuple[str, str]]:
    traces = store.traces.load(sorted({trace_id for trace_id, _ in body.whole}))
    return {(trace.trace_id, span.span_id) for trace in traces for span in trace.spans}


def fuzz_mapper(mapper: Mapper, count: int, seed: int) -> Findings:
    """Give the mapper `count` spoilt inputs; what it makes of them must be fit to store."""
    findings = Findings()
    shelf = Shelf()
    for number in range(count):
        random_ = random.Random(f"{seed}/{mapper.name}/{number}")
        tree = mutate(random_.choice(mapper.seeds), random_, random_.randrange(1, 8))
        try:
            batch = mapper.function(tree)
            shelf.add(batch.traces)
            shelf.feedback.add(batch.feedback)
        except (InputError, SourceError):
            findings.outcomes["refused"] += 1
        except Exception:
            _crashed(findings, f"input {number} of seed {seed} for {mapper.name}")
        else:
            findings.outcomes["partial" if batch.problems else "mapped"] += 1
        shelf.stored.clear()
        if number % max(1, count // 20) == 0:
            findings.resident_mb.append(resident_mb())
    findings.resident_mb.append(resident_mb())
    return findings


def _crashed(findings: Findings, where: str) -> None:
    findings.outcomes["crashed"] += 1
    if len(findings.crashes) < KEPT:
        findings.crashes.append(f"{where}:\n{traceback.format_exc(limit=-6)}")


def resident_mb() -> float:
    """This process's memory, in MB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
