"""Send a file of messages through the desk, as production would.

    python -m support_desk.traffic --utterances data/traffic.jsonl --concurrency 2 --out sent.jsonl

Each trace carries the message's `id` as `session.id`. `--out` keeps `{"id", "trace_id", "queue"}` a line, so that
reviewers' corrections can find their traces.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from support_desk import telemetry
from support_desk.agent import Desk


def read_utterances(path: Path, limit: int | None = None) -> list[dict[str, str]]:
    """The messages in the file's order: `{"id", "user", "text"}` each."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()][:limit]


def send(desk: Desk, utterances: list[dict[str, str]], *, concurrency: int = 2) -> Iterator[dict[str, Any]]:
    """Route the messages, at most `concurrency` at a time; results come in the messages' order."""

    def one(utterance: dict[str, str]) -> dict[str, Any]:
        result = desk.route(utterance["text"], session_id=utterance["id"], user_id=utterance["user"])
        return {"id": utterance["id"], "trace_id": result["trace_id"], "queue": result["queue"]}

    with ThreadPoolExecutor(max_workers=concurrency) as pool:
        yield from pool.map(one, utterances)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m support_desk.traffic", description=__doc__.split("\n")[0])
    parser.add_argument("--utterances", type=Path, default=Path("data/traffic.jsonl"))
    parser.add_argument("--limit", type=int, help="send only the first N messages")
    parser.add_argument("--skip", type=Path, help="a file with the ids of messages not to send, one a line")
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write id, trace id and queue of each message here, as JSON lines")
    args = parser.parse_args()

    if not telemetry.start():
        print("tracing is off: set OTEL_EXPORTER_OTLP_ENDPOINT to send traces", file=sys.stderr)
    skip = set(args.skip.read_text(encoding="utf-8").split()) if args.skip else set()
    utterances = [row for row in read_utterances(args.utterances, args.limit) if row["id"] not in skip]
    started = time.monotonic()
    sent = []
    try:
        for row in send(Desk(), utterances, concurrency=args.concurrency):
            sent.append(row)
            seconds = time.monotonic() - started
            print(f"{len(sent)}/{len(utterances)} {seconds:.0f}s {row['id']} {row['queue']} {row['trace_id'] or '-'}")
    finally:
        telemetry.stop()
        if args.out:
            args.out.write_text("".join(json.dumps(row) + "\n" for row in sent), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
