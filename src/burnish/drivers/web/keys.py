"""Who may send traces, and for which agent."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from burnish.errors import ConfigError

__all__ = ["Caller", "Keyring"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends: `owner` is the agent whose own token came, None where the caller may write for every agent."""

    owner: str | None = None


class Keyring:
    """The tokens that exports are checked against: a general one, and one an agent.

    As soon as there is any, every export needs one: a caller without a token must not be able to write for an agent
    that has one. Raises ConfigError where two agents, or an agent and the general token, have the same, and for an
    empty token, which everybody would know.
    """

    def __init__(self, general: str | None, of_agents: Mapping[str, str]) -> None:
        self._owners: dict[bytes, str | None] = {}
        if general is not None:
            if not general.strip():
                raise ConfigError("BURNISH_INGEST_TOKEN is set and empty; give it a value, or do not set it")
            self._owners[general.encode()] = None
        for agent, token in of_agents.items():
            if not token.strip():
                raise ConfigError(f"the token of agent '{agent}' is empty; give it a value, or take api_key_env out")
            if token.encode() in self._owners:
                other = self._owners[token.encode()]
                whose = "BURNISH_INGEST_TOKEN" if other is None else f"agent '{other}'"
                raise ConfigError(
                    f"agent '{agent}' has the same token as {whose}: it must tell them apart; make a new one"
                )
            self._owners[token.encode()] = agent

    def __bool__(self) -> bool:
        return bool(self._owners)

    def caller(self, authorization: str) -> Caller | None:
        """Who sends a request with this Authorization header; None where nobody known does.

        Every token is compared, each in constant time, so that the time taken tells nothing of them.
        """
        if not self._owners:
            return Caller()
        scheme, _, given = authorization.partition(" ")
        sent = given.strip().encode("utf-8", "replace")
        found: Caller | None = None
        for token, owner in self._owners.items():
            if hmac.compare_digest(sent, token):
                found = Caller(owner)
        return found if scheme.lower() == "bearer" else None
