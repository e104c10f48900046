"""The web pages and the OTLP endpoint; the only place that imports starlette and uvicorn."""

from burnish.drivers.web.app import create_app

__all__ = ["create_app"]
