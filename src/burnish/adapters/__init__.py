"""Adapters: everything that talks to the world. None imports another; `loop.context` wires them."""
