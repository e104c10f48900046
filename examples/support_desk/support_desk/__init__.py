"""A support desk that sends each customer message to one of its company's queues."""

from support_desk.agent import QUEUES, Desk, route

__all__ = ["QUEUES", "Desk", "route"]
