"""How well failures are grouped, against labels by people: `python -m benchmarks.clustering [folder of the data]`

Banking questions with 5 to 40 of their 77 intents (six draws each), clustered without being told how many; and the
failed runs of a retail agent against the root cause that people gave each of them. ARI is 0 for chance and 1 for
the labels themselves; rows left unclustered count as one group, so leaving out is not rewarded.
"""

import json
import random
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from burnish.domain.clustering import summarise
from burnish.domain.clustering.embed import Embedder, open_embedder
from burnish.domain.clustering.group import UNCLUSTERED, group
from burnish.domain.traces import Trace

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EMBEDDERS = ("wordllama", "tfidf")
DRAWS = 6
BAR, BAR_AT = 0.5, 12


def main() -> int:
    """Print the table; 1 where the default embedder misses the bar, 0 where the data is not there to measure."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    if not (data / "clustering").is_dir():
        print(f"skipped: no data in {data}; give the folder that holds clustering/ and traces_tau/")
        return 0
    table = Table("texts", "rows", "true groups", "embedder", "found", "unclustered", "ARI", "NMI", "seconds")
    questions = _lines(data / "clustering" / "banking77_train.jsonl")
    reached: dict[tuple[str, int], float] = {}
    for name in EMBEDDERS:
        embedder = open_embedder(name)
        embedder.embed(["warm up"])
        for intents, each in ((5, 30), (12, 25), (20, 25), (40, 12)):
            rows = [_measure(embedder, *_draw(questions, intents, each, seed)) for seed in range(DRAWS)]
            table.add_row("banking questions", str(intents * each), str(intents), name, *_means(rows))
            reached[name, intents] = sum(row[2] for row in rows) / len(rows)
        table.add_row("banking questions, all", "5000", "77", name, *_means([_measure(embedder, *_all(questions))]))
        texts, causes = _failed_runs(data)
        for what, some in texts.items():
            found = _means([_measure(embedder, some, causes)])
            table.add_row(what, str(len(some)), str(len(set(causes))), name, *found)
    Console(width=120).print(table)
    mean = reached[EMBEDDERS[0], BAR_AT]
    print(f"{EMBEDDERS[0]} at {BAR_AT} intents: ARI {mean:.2f}, the bar is {BAR:.2f}")
    return 0 if mean >= BAR else 1


def _measure(embedder: Embedder, texts: Sequence[str], labels: Sequence[str]) -> tuple[float, ...]:
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    started = time.perf_counter()
    found = group(embedder.embed(texts))
    seconds = time.perf_counter() - started
    return (
        float(len(found.centroids)),
        float((found.labels == UNCLUSTERED).mean()),
        adjusted_rand_score(labels, found.labels),
        normalized_mutual_info_score(labels, found.labels),
        seconds,
    )


def _means(rows: Sequence[tuple[float, ...]]) -> tuple[str, ...]:
    groups, left, ari, nmi, seconds = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    return f"{groups:.0f}", f"{left:.0%}", f"{ari:.2f}", f"{nmi:.2f}", f"{seconds:.2f}"


def _draw(rows: Sequence[dict[str, Any]], intents: int, each: int, seed: int) -> tuple[list[str], list[str]]:
    rng = random.Random(seed)
    chosen = rng.sample(sorted({row["category"] for row in rows}), intents)
    picked = []
    for intent in chosen:
        of_intent = [row for row in rows if row["category"] == intent]
        picked += rng.sample(of_intent, min(each, len(of_intent)))
    return [row["text"] for row in picked], [row["category"] for row in picked]


def _all(rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[str]]:
    picked = random.Random(0).sample(list(rows), 5000)
    return [row["text"] for row in picked], [row["category"] for row in picked]


def _failed_runs(data: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Failed runs twice over: as a night would summarise them, and by what a person wrote of them."""
    runs = {row["task_id"]: row for row in _lines(data / "traces_tau" / "retail_base.jsonl")}
    plain: list[str] = []
    noted: list[str] = []
    causes: list[str] = []
    for truth in _lines(data / "agentrx" / "tau_ground_truth.jsonl"):
        root = next(f for f in truth["failures"] if f["failure_id"] == truth["root_cause"]["failure_id"])
        run = runs.get(truth["trajectory_id"])
        if run is None:
            continue
        said = [m.get("content") or "" for m in run["traj"] if m["role"] in ("user", "assistant")]
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        trace = Trace(
            trace_id=str(run["task_id"]),
            agent="retail",
            source="benchmark",
            name="run",
            started_at=moment,
            input=said[0],
            output="\n".join(said[-3:]),
        )
        plain.append(summarise.text(trace))
        noted.append(root["step_reason"])
        causes.append(root["failure_category"].casefold())
    return {"failed retail runs": plain, "failed retail runs, people's notes": noted}, causes


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    sys.exit(main())
