"""The store: rows in SQLite or PostgreSQL; the only place that imports sqlalchemy."""
