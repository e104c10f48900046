"""Measurements held against their bars: each module prints a table and exits 1 where a bar is missed."""
