"""Ask a judge's model, and once more with the error where its answer is no verdict."""

import json
from collections.abc import Callable
from typing import TypeVar

from burnish.domain.base import Json
from burnish.domain.chat import ChatModel, ChatRequest
from burnish.domain.evaluators.base import EvaluatorError
from burnish.domain.traces import Message, TextPart
from burnish.domain.trajectories import shorten

__all__ = ["ask"]

T = TypeVar("T")


async def ask(model: ChatModel, request: ChatRequest, read: Callable[[Json], T]) -> T:
    """What `read` makes of the model's answer; an answer it refuses is asked for once more with the refusal told.

    Raises EvaluatorError for two answers that are no verdict, ModelError where the call itself fails.
    """
    reply = await model.complete(request)
    try:
        return read(reply.parsed)
    except EvaluatorError as error:
        first = error
    said = shorten(reply.text or json.dumps(reply.parsed), 4_000)
    told = f"That is no valid answer: {first}. Answer again, in the form that was asked for."
    again = (
        Message(role="assistant", parts=(TextPart(text=said),)),
        Message(role="user", parts=(TextPart(text=told),)),
    )
    reply = await model.complete(request.model_copy(update={"messages": (*request.messages, *again)}))
    try:
        return read(reply.parsed)
    except EvaluatorError as second:
        raise EvaluatorError(f"{second} (and it was asked twice)") from first
