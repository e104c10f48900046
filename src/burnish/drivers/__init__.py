"""Drivers: how people and programs start the loop and read its results."""
