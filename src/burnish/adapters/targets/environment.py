"""The environment an agent's process gets: the little that programs need, and what the user's file hands on."""

from collections.abc import Mapping
from pathlib import Path

from burnish.errors import TargetError
from burnish.project import TargetConfig

__all__ = ["agent_environment"]

# No PYTHONPATH, no proxies (they hold passwords), no HOME: ~/.netrc, ~/.aws and ~/.config hold credentials.
_NEEDED = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR", "SYSTEMROOT")


def agent_environment(config: TargetConfig, ours: Mapping[str, str], home: Path) -> dict[str, str]:
    """Build the environment from `ours`. `home` is an empty folder.

    `BURNISH_EXPERIMENT=1` tells an agent that this is an offline run. Raises TargetError naming the variables of
    `pass_environment` that are not set.
    """
    kept = {name: value for name, value in ours.items() if name in _NEEDED or name.startswith("LC_")}
    missing = [name for name in config.pass_environment if name not in ours]
    if missing:
        raise TargetError(f"pass_environment names {', '.join(missing)}, which is not set; set it or drop the name")
    return (
        kept
        | {"HOME": str(home), "BURNISH_EXPERIMENT": "1", "PYTHONUNBUFFERED": "1"}
        | {name: ours[name] for name in config.pass_environment}
        | config.environment
    )
