"""A visitor without a browser, who knows how long every answer took to begin."""

import http.client
import re
import time
from contextlib import closing
from urllib.parse import urlencode, urlsplit

__all__ = ["Visitor"]


class Visitor:
    """One cookie, and a connection for each request."""

    def __init__(self, site: str) -> None:
        self._host = urlsplit(site).netloc
        self._cookie = ""

    def sign_in(self, name: str, target: str) -> None:
        """Give a name, where there are no accounts."""
        page = self.get("/login")[3].decode()
        found = re.search(r'name="csrf" value="([\w-]+)"', page)
        assert found is not None
        self._ask("POST", "/login", urlencode({"csrf": found[1], "name": name, "next": target}))

    def get(self, path: str) -> tuple[float, int, str, bytes]:
        """Milliseconds to the first byte, the status, where the answer leads, and its body."""
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: str | None) -> tuple[float, int, str, bytes]:
        headers = {"Cookie": self._cookie} | ({"Content-Type": "application/x-www-form-urlencoded"} if body else {})
        with closing(http.client.HTTPConnection(self._host, timeout=60)) as connection:
            connection.connect()
            begun = time.perf_counter()
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            first = 1000 * (time.perf_counter() - begun)
            self._cookie = (response.headers.get("set-cookie") or self._cookie).partition(";")[0]
            return first, response.status, response.headers.get("location", ""), response.read()
