"""Fuzzing of what reads strangers' data: the OTLP endpoint, and every mapper that is registered in `mappers`."""
