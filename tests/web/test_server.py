"""What `burnish serve` says and refuses before it answers anybody."""

from pathlib import Path

import pytest
from support.signing import make_accounts
from web.conftest import settings_for

from burnish.adapters.store import Store
from burnish.drivers.web.server import run_server, who_gets_in
from burnish.errors import ConfigError


def test_serving_a_network_says_who_gets_in(store: Store, tmp_path: Path) -> None:
    """Open to all, passwords on the wire, or a proxy that must be the only way: as it is."""
    assert "can read every trace" in who_gets_in(store, settings_for(tmp_path))
    proxied = {"trusted_proxies": "10.0.0.2", "proxy_user_header": "X-Forwarded-User"}
    assert "everybody but the proxy" in who_gets_in(store, settings_for(tmp_path, **proxied))
    make_accounts(store)
    assert "BURNISH_TRUSTED_PROXIES" in who_gets_in(store, settings_for(tmp_path))


def test_a_header_that_anybody_could_send_keeps_the_server_down(store: Store, tmp_path: Path) -> None:
    """The server does not start where it would take anybody's word for who they are."""
    settings = settings_for(tmp_path, proxy_user_header="X-Forwarded-User")
    with pytest.raises(ConfigError, match="anybody could send"):
        run_server(store, settings, {}, host="127.0.0.1", port=0, allowed_hosts=(), tokens={}, say=lambda _: None)
