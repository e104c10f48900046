"""The desk's one tool: orders by number, from a file beside the agent."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

ORDERS_FILE = Path(__file__).resolve().parents[1] / "data" / "orders.json"
ORDER_ID = re.compile(r"#A\d{4}\b", re.IGNORECASE)


def find_order_id(text: str) -> str | None:
    """The first order number in a message, such as `#A2017`, in upper case."""
    match = ORDER_ID.search(text)
    return match.group().upper() if match else None


def lookup_order(order_id: str) -> dict[str, Any]:
    """What was ordered, and its state; `found` is False for a number nobody was given."""
    order = _orders().get(order_id)
    if order is None:
        return {"order_id": order_id, "found": False}
    return {"order_id": order_id, "found": True, **order}


@cache
def _orders() -> dict[str, dict[str, Any]]:
    orders: dict[str, dict[str, Any]] = json.loads(ORDERS_FILE.read_text(encoding="utf-8"))
    return orders
