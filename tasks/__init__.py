"""How a step is run: retries, time-outs, artifacts. Thin Prefect tasks over `burnish.loop`."""
