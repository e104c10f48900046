"""Arize Phoenix: its spans by page, what people said of them, and burnish's findings back as annotations.

Read with Phoenix 20.26's REST API (GET /openapi.json of a server has it).
"""

from burnish.adapters.sources.phoenix.source import PhoenixSource, open_phoenix

__all__ = ["PhoenixSource", "open_phoenix"]
