"""Annotation queues: which traces people look at, in which order, who is asked, and what their labels mean."""
