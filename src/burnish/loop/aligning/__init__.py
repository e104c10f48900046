"""Improve judges from people's labels, a week at a time. `stages` are what tasks call, `attempt` is the heart of it."""
