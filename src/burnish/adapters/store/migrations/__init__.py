"""Schema migrations, run by `schema.migrate`."""
