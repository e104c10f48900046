"""What a proxy in front says of a request, believed only from the proxies that the settings name."""

import ipaddress
from dataclasses import dataclass

from starlette.requests import Request

from burnish.errors import ConfigError
from burnish.settings import Settings

__all__ = ["Proxies"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies whose headers count, and the header in which they say who is there (None: they do not)."""

    trusted: tuple[Network, ...] = ()
    user_header: str | None = None
    create_unknown: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Proxies":
        """Those of the settings.

        Raises ConfigError for what is no address, and for a header that anybody could send.
        """
        parts = [part.strip() for part in settings.trusted_proxies.split(",") if part.strip()]
        try:
            trusted = tuple(ipaddress.ip_network(part) for part in parts)
        except ValueError as error:
            raise ConfigError(f"BURNISH_TRUSTED_PROXIES: {error}; give addresses or networks with commas") from error
        header = (settings.proxy_user_header or "").strip() or None
        if header and not trusted:
            raise ConfigError(
                "BURNISH_PROXY_USER_HEADER is set and BURNISH_TRUSTED_PROXIES is not: anybody could send that header. "
                "Name the addresses the proxy connects from"
            )
        if any(network.prefixlen == 0 for network in trusted):
            raise ConfigError("BURNISH_TRUSTED_PROXIES trusts every address; name those the proxy connects from")
        return cls(trusted, header, settings.proxy_unknown_people == "create")

    def user(self, request: Request) -> str | None:
        """Who the proxy says is there; None where it says nothing, or is not one of ours."""
        if self.user_header is None or not self._trusts(_peer(request)):
            return None
        said = request.headers.getlist(self.user_header)
        # Two of them: the proxy added its own to one that the browser sent. Neither is to be believed.
        return _text(said[0]) or None if len(said) == 1 else None

    def secure(self, request: Request) -> bool:
        """Whether the browser speaks https."""
        if request.url.scheme == "https":
            return True
        said = request.headers.get("x-forwarded-proto", "")
        return said.rpartition(",")[2].strip().lower() == "https" and self._trusts(_peer(request))

    def address(self, request: Request) -> str:
        """The address the request comes from: the last one in X-Forwarded-For that is no proxy of ours."""
        address = _peer(request)
        hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        while self._trusts(address) and hops:
            before = hops.pop().strip()
            if not before:
                break
            address = before
        return address

    def here(self, request: Request) -> bool:
        """Whether the request comes from this machine itself, and no proxy on it passed it on."""
        passed_on = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
        try:
            return ipaddress.ip_address(_peer(request)).is_loopback and not passed_on
        except ValueError:
            return False

    def _trusts(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return any((mapped or found) in network for network in self.trusted)


def _text(header: str) -> str:
    """A header's text: bytes are UTF-8 where they can be."""
    try:
        return header.encode("latin-1").decode().strip()
    except UnicodeDecodeError:
        return header.strip()


def _peer(request: Request) -> str:
    return request.client.host if request.client is not None else ""
