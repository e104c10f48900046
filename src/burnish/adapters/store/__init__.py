"""The store: rows in SQLite or PostgreSQL; the only place that imports sqlalchemy."""

from burnish.adapters.store.open_store import OpenStore
from burnish.adapters.store.store import Store

__all__ = ["OpenStore", "Store"]
