"""Links in artifacts lead where they say."""

import pytest

from tasks.showing import address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/pull-requests/1", "http://127.0.0.1:4300/pull-requests/1"),
        ("https://github.com/acme/desk/pull/7", "https://github.com/acme/desk/pull/7"),
    ],
)
def test_a_link_in_prefects_pages_leads_to_the_pull_request(url: str, expected: str) -> None:
    """The local forge names a page of burnish's; taken as it is, it would lead to Prefect's own address."""
    assert expected == address(url, 4300)
