"""Chat logs in OpenAI's forms: conversations, requests with their responses, batch output, stored completions."""

from burnish.adapters.sources.chatlogs.source import ChatLogSource, open_openai_chat

__all__ = ["ChatLogSource", "open_openai_chat"]
