"""The web pages and the OTLP endpoint."""
