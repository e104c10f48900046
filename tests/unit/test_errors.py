"""Errors cross process boundaries and stay readable."""

import inspect
import pickle

import pytest

from burnish import errors

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.BurnishError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling(kind: type[errors.BurnishError]) -> None:
    """What a worker raises reaches the user with its text and facts."""
    error = kind("the prompt file is gone; restore it")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.args) == (kind, "the prompt file is gone; restore it", error.args)


def test_facts_survive_pickling() -> None:
    """The seconds to wait and the holder of a lease come along."""
    assert pickle.loads(pickle.dumps(errors.TransientModelError("429", 7.5))).retry_after == 7.5
    assert pickle.loads(pickle.dumps(errors.LeaseHeldError("held", "host|1|2"))).holder == "host|1|2"


def test_the_tree_in_the_docstring_is_complete() -> None:
    """Every class stands in the tree at the top of the module."""
    assert [c.__name__ for c in CLASSES if c.__name__ not in (errors.__doc__ or "")] == []
