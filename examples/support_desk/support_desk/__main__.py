"""Route messages from the command line.

python -m support_desk "my tent pole snapped"      one message, one JSON object
python -m support_desk < messages.jsonl            {"text": ...} a line in, one JSON object a line out
"""

from __future__ import annotations

import json
import sys

from support_desk import telemetry
from support_desk.agent import Desk


def main() -> int:
    """Run the command."""
    telemetry.start()
    desk = Desk()
    try:
        if len(sys.argv) > 1:
            print(json.dumps(desk.route(" ".join(sys.argv[1:]))))
        else:
            for line in sys.stdin:
                if line.strip():
                    message = json.loads(line)
                    result = desk.route(message["text"], session_id=message.get("id"), user_id=message.get("user"))
                    print(json.dumps(result), flush=True)
    finally:
        telemetry.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
