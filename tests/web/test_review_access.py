"""Queues that a reviewer may not see stay closed, whatever address and form are made up."""

from pathlib import Path

import pytest
from support.review_site import put, write_queues
from support.seeded import support_trace
from support.signing import PASSWORD, make_accounts, send, sign_in
from web.conftest import client_of

from burnish.adapters.store import Store
from burnish.domain.annotation.people import Role


@pytest.mark.parametrize("act", ["label", "skip", "escalate"])
def test_an_item_of_another_queue_is_not_shown_through_ones_own(store: Store, tmp_path: Path, act: str) -> None:
    """A form for it, however wrong, is answered as one for an item that is not there."""
    write_queues(tmp_path, [{"name": "open", "ask": {"required": ["comment"]}}, {"name": "secret"}])
    seen, hidden = support_trace(0), support_trace(1)
    store.traces.add([seen, hidden])
    put(store, tmp_path, "open", [seen])
    put(store, tmp_path, "secret", [hidden])
    make_accounts(store)
    store.users.add("bob", Role.REVIEWER, PASSWORD, ("open",))
    client = client_of(store, tmp_path)
    sign_in(client, "bob")
    (item,) = store.queues.list("secret")
    answer = send(client, f"/review/open/{item.id}/{act}")
    assert 404 == answer.status_code
    assert str(hidden.input) not in answer.text
