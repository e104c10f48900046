"""Langfuse, Cloud or self-hosted: observations in, scores in, scores back."""

from burnish.adapters.sources.langfuse.source import LangfuseSource, open_langfuse

__all__ = ["LangfuseSource", "open_langfuse"]
