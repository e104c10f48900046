"""LangSmith, Cloud or self-hosted: runs in, feedback in, feedback back."""

from burnish.adapters.sources.langsmith.source import LangsmithSource, open_langsmith

__all__ = ["LangsmithSource", "open_langsmith"]
