"""The steps of the night, one module each, runnable without Prefect."""
