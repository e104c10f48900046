"""Settings: what the environment says, read once at the edge."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


class Settings(BaseSettings):
    """Process-wide settings, each from `BURNISH_<NAME>` in the environment or a `.env` file in the project.

    What belongs to one agent stands in `config/agents/<name>.toml` instead.
    """

    model_config = SettingsConfigDict(env_prefix="BURNISH_", env_file=".env", extra="ignore", frozen=True)

    project: Path = Field(default=Path(), description="Folder that holds config/, flows/ and tasks/.")
    home: Path = Field(
        default=Path(".burnish"),
        description="Folder for the database, worktrees, logs and the local Prefect server; relative to the project.",
    )
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the store. Default: SQLite in the home. PostgreSQL: postgresql+psycopg://…",
    )
    models_dir: Path = Field(
        default=Path("~/.cache/burnish/models"), description="Where downloaded model weights are kept, once per user."
    )
    model_base_url: str | None = Field(default=None, description="Base URL of an OpenAI-compatible endpoint.")
    model_api_key: SecretStr | None = Field(default=None, description="Key of that endpoint.")
    model: str | None = Field(default=None, description="Model name where an agent's file names none.")
    model_concurrency: int = Field(default=8, ge=1, description="Model calls in flight at once at one endpoint.")
    model_timeout_s: float = Field(default=120.0, gt=0, description="Seconds before one model call is given up.")
    embedded_model: str = Field(
        default="qwen2.5-coder-1.5b", description="The embedded model used where no key and no base URL is set."
    )
    github_token: SecretStr | None = Field(default=None, description="Token for pull requests on GitHub.")
    server_port: int = Field(default=4300, ge=0, description="Port of `burnish serve` (OTLP endpoint and pages).")
    prefect_port: int = Field(default=4301, ge=0, description="Port of the local Prefect server `burnish run` starts.")
    session_key: SecretStr | None = Field(
        default=None, description="Key that signs sessions of the pages. Default: a file in the home, made when needed."
    )
    session_idle_hours: float = Field(default=12.0, gt=0, description="Hours without a request that end a session.")
    trusted_proxies: str = Field(
        default="", description="Addresses or networks, with commas, whose X-Forwarded-For and -Proto are believed."
    )
    proxy_user_header: str | None = Field(
        default=None, description="Header in which a trusted proxy says who is signed in."
    )
    proxy_unknown_people: Literal["refuse", "create"] = Field(
        default="refuse", description="People the proxy names who have no account: refused, or made reviewers."
    )
    debug: bool = Field(default=False, description="Show tracebacks of errors that are shown as one line otherwise.")
    ingest_token: SecretStr | None = Field(
        default=None,
        description="Bearer token that POST /v1/traces and /v1/logs ask for; it may write for every agent.",
    )
    ingest_body_bytes: int = Field(
        default=64 * 2**20, ge=1024, description="Largest export request, as sent and after decompression."
    )
    ingest_waiting_bytes: int = Field(
        default=256 * 2**20, ge=1024, description="Bytes of export requests held at once; more are answered 429."
    )
    ingest_waiting_requests: int = Field(
        default=64, ge=1, description="Export requests held at once; more are answered 429."
    )
    ingest_workers: int = Field(default=2, ge=1, description="Threads that decode and store export requests.")

    @property
    def home_dir(self) -> Path:
        """The home as an absolute path."""
        home = self.home.expanduser()
        return home if home.is_absolute() else (self.project.expanduser() / home).resolve()

    @property
    def store_url(self) -> str:
        """The database URL, SQLite in the home by default."""
        return self.database_url or f"sqlite:///{self.home_dir / 'burnish.sqlite3'}"

    def variable(self, name: str) -> str | None:
        """A variable of others that a project's file names, such as one with a key: the environment's, else `.env`'s.

        None where neither has it or it is empty.
        """
        found = os.environ.get(name)
        if found:
            return found
        from dotenv import dotenv_values

        file = self.project.expanduser() / ".env"
        return (dotenv_values(file).get(name) or None) if file.is_file() else None
