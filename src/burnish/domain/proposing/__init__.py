"""Draft small edits from evidence."""
