"""What reviewers said about the traffic, joined to the traces it left.

    python -m support_desk.reviews --sent sent.jsonl --out corrections.jsonl

`data/reviews.jsonl` is keyed by the message's id, since that is what a reviewer of this company sees. Trace ids are new
in every run, so the join goes through what `support_desk.traffic --out` wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """One object a line."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def attach(reviews: Iterable[dict[str, Any]], sent: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each review whose message was sent, with its `trace_id`, the queue it went to and whether that was `correct`."""
    by_id = {row["id"]: row for row in sent}
    for review in reviews:
        row = by_id.get(review["id"])
        if row is not None:
            correct = row["queue"] == review["expected"]
            yield {**review, "trace_id": row["trace_id"], "routed": row["queue"], "correct": correct}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m support_desk.reviews", description=__doc__.split("\n")[0])
    parser.add_argument("--reviews", type=Path, default=Path("data/reviews.jsonl"))
    parser.add_argument("--sent", type=Path, required=True, help="what support_desk.traffic --out wrote")
    parser.add_argument("--out", type=Path, help="write the joined reviews here, as JSON lines")
    args = parser.parse_args()

    joined = list(attach(read_jsonl(args.reviews), read_jsonl(args.sent)))
    if args.out:
        args.out.write_text("".join(json.dumps(row) + "\n" for row in joined), encoding="utf-8")
    right = sum(row["correct"] for row in joined)
    print(f"reviewers looked at {len(joined)} messages; {right} had gone to the right queue")
    return 0


if __name__ == "__main__":
    sys.exit(main())
