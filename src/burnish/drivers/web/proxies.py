"""What a proxy in front says of a request, believed only from the proxies that the settings name."""

import ipaddress
from dataclasses import dataclass

from starlette.requests import Request

from burnish.errors import ConfigError
from burnish.settings import Settings

__all__ = ["Proxies"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Any of these, and somebody passed the request on.
PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


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
        said = ",".join(request.headers.getlist("x-forwarded-proto"))
        return said.rpartition(",")[2].strip().lower() == "https" and self._trusts(_peer(request))

    def origin(self, request: Request) -> str:
        """Where the request comes from, as wrong passwords are counted.

        The last address in X-Forwarded-For that is no proxy of ours; of IPv6 the network of 64 bits, since whoever has
        one address there has all of them.
        """
        address = _peer(request)
        hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        while self._trusts(address) and hops:
            before = hops.pop().strip()
            if not before:
                break
            address = before
        found = _parsed(address)
        if isinstance(found, ipaddress.IPv6Address):
            return str(ipaddress.IPv6Network((int(found), 64), strict=False))
        return address if found is None else str(found)

    def here(self, request: Request) -> bool:
        """Whether a browser on this machine itself sent the request, to this machine's own name, through no proxy."""
        peer, named = _parsed(_peer(request)), request.url.hostname or ""
        asked = _parsed(named)
        own_name = named == "localhost" or (asked is not None and (asked.is_loopback or asked.is_unspecified))
        passed_on = any(name in request.headers for name in PASSED_ON) or self._trusts(_peer(request))
        return peer is not None and peer.is_loopback and own_name and not passed_on

    def _trusts(self, address: str) -> bool:
        found = _parsed(address)
        return found is not None and any(found in network for network in self.trusted)


def _parsed(text: str) -> Address | None:
    """An address, with or without a port, as proxies write them; IPv4 written as IPv6 is IPv4."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _text(header: str) -> str:
    """A header's text: bytes are UTF-8 where they can be. Other blanks than a header's own are part of a name."""
    try:
        return header.encode("latin-1").decode().strip(" \t")
    except UnicodeDecodeError:
        return header.strip(" \t")


def _peer(request: Request) -> str:
    return request.client.host if request.client is not None else ""
