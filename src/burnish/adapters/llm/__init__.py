"""Language models behind the `ChatModel` port; the only place that imports openai."""
