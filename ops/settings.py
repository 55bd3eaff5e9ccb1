"""Every setting of the installation, in one frozen class read from the environment once.

Names begin with `VITRINE_`; the addresses of PostgreSQL, Valkey and the object store go by the names that
hosting platforms already use. `docs/settings.md` holds this class as a table (`python -m ops.settings`).
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

PREFIX = "VITRINE_"


class InvalidSettings(Exception):
    """The environment names a setting that does not exist, gives one a value it cannot have, or lacks one."""

    code: ClassVar[str] = "settings-invalid"


def cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def nvidia_devices() -> int:
    """How many the driver shows."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def _devices() -> int:
    return max(1, nvidia_devices())


def _setting(
    default: Any, unit: str, says: str, *, name: str | None = None, shown: str | None = None, **limits: Any
) -> Any:
    """One field: `shown` is the default in words where the value itself would mislead a reader."""
    extra: dict[str, Any] = {"unit": unit, "shown": shown}
    given = {"default_factory": default} if callable(default) else {"default": default}
    return Field(description=says, json_schema_extra=extra, validation_alias=name, **given, **limits)


def _all_embedded(given: dict[str, Any]) -> bool:
    """Whether this is one machine on its own, judged by the fields read so far."""
    return given.get("database_url") is None and given.get("database_app_url") is None


class Settings(BaseSettings):
    """What an operator may choose. Built once by `load_settings` and handed down."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = _setting(
        None,
        "URL",
        "PostgreSQL 16 or newer, as the role that owns the tables and runs the migrations.",
        name="DATABASE_URL",
        shown="embedded PostgreSQL",
    )
    database_app_url: SecretStr | None = _setting(
        None,
        "URL",
        "The same database as the role `vitrine_app`, which is neither owner nor superuser.",
        name="DATABASE_APP_URL",
        shown="derived from DATABASE_URL",
    )
    redis_url: SecretStr | None = _setting(
        None, "URL", "Valkey or Redis, for what may be lost.", name="REDIS_URL", shown="embedded Valkey"
    )
    storage_url: SecretStr | None = _setting(
        None,
        "URL",
        "Object storage: `file:///folder` or `s3://bucket/prefix`.",
        name="STORAGE_URL",
        shown="`files` in the data folder",
    )

    host: str = _setting("0.0.0.0", "address", "Where HTTP listens.")  # noqa: S104  a server is there to be reached
    port: int = _setting(8080, "port", "Where HTTP listens.", ge=0, le=65535)
    public_url: str | None = _setting(
        None,
        "URL",
        "The address shoppers see, for links and origins.",
        shown="`http://localhost:` and the port",
    )
    cdn_url: str | None = _setting(
        None,
        "URL",
        "A CDN that takes what it has not from this installation; pictures of products are named there.",
        shown="none: they come from here",
    )
    data: Path = _setting(Path("var"), "folder", "Everything the embedded services and local files keep.")
    models: Path = _setting(Path("models"), "folder", "The model bundles and their manifest.")

    media_processes: int = _setting(
        cores,
        "processes",
        "Media processes, each with its own loop and GL context.",
        shown="one for each core",
        ge=1,
        le=256,
    )
    sessions_per_process: int | None = _setting(
        None,
        "sessions",
        "Live try-ons that one media process admits at most, however idle it is.",
        shown="as many as its measured load allows",
        ge=1,
        le=64,
    )
    avatar_workers: int = _setting(
        _devices,
        "processes",
        "Workers that make avatars; 0 for none on this machine.",
        shown="one for each NVIDIA device, else 1",
        ge=0,
        le=64,
    )
    avatar_wait_seconds: float = _setting(
        300.0, "seconds", "How long the line for avatars may be before it takes nobody more.", gt=0, le=1500
    )
    avatar_engine: str = _setting(
        "own",
        "name",
        "Who finds a body's shape: `own`, `instant`, `hmr2:/folder`, `mhr:/folder`, `command:/program words`.",
        pattern=r"^(own|instant|(hmr2|mhr|command):.+)$",
    )
    avatar_engine_seconds: float = _setting(
        120.0, "seconds", "What such a command may take for one person before it is ended.", gt=0, le=3600
    )
    session_minutes: int = _setting(
        30, "minutes", "How long a shopper's visit lasts; renewed while live.", ge=1, le=1440
    )
    ice_servers: tuple[dict[str, Any], ...] = _setting(
        (), "JSON list", "STUN and TURN servers, as in the browser's `RTCConfiguration`.", shown="`[]`"
    )
    turn_urls: tuple[str, ...] = _setting(
        (), "JSON list", "Relays that share VITRINE_TURN_SECRET: `turn:host:3478?transport=udp`.", shown="`[]`"
    )
    turn_secret: SecretStr | None = _setting(
        None, "secret", "What coturn knows as `static-auth-secret`; shoppers get credentials made of it.", shown="none"
    )
    turn_minutes: int = _setting(10, "minutes", "How long such credentials may open a relay.", ge=1, le=10)
    allow_private_candidates: bool = _setting(
        _all_embedded,
        "true or false",
        "Whether a peer may name a private or loopback address; needed on one's own machine and network.",
        shown="true with the embedded PostgreSQL, else false",
    )

    demo: bool = _setting(
        _all_embedded,
        "true or false",
        "Whether the shop `demo` is there.",
        shown="true with the embedded PostgreSQL, else false",
    )
    drain_seconds: float = _setting(
        0.0,
        "seconds",
        "How long a media process that is told to stop gives its shoppers to move to another one; 0 on one machine.",
        ge=0,
        le=3600,
    )
    secret: SecretStr | None = _setting(
        None,
        "text",
        "At least 32 random characters that seal second factors at rest; the same on every machine.",
        shown="made once, in the file `secret` of the data folder",
        min_length=32,
    )
    key_service: str = _setting(
        "folder",
        "name",
        "What wraps the keys of photos: `folder` (`keys` in the data folder), or `aws-kms:` and a key's id or alias.",
        pattern=r"^(folder|aws-kms:.+)$",
    )
    smtp_url: SecretStr | None = _setting(
        None,
        "URL",
        "Where mail to owners goes: `smtp://user:password@host:587`, or `smtps://` for TLS throughout.",
        shown="none: mails are kept in memory",
    )
    mail_from: str = _setting("Vitrine <vitrine@localhost>", "address", "Who mails to owners come from.")
    show_mail: bool = _setting(
        _all_embedded,
        "true or false",
        "Whether mails that were kept are shown at `/dev/mail`, to browsers on this machine alone.",
        shown="true with the embedded PostgreSQL, else false",
    )
    private_webhooks: bool = _setting(
        False,
        "true or false",
        "Whether shops' webhooks may lead to private addresses and over http: for shops inside your own network.",
    )
    stripe_key: SecretStr | None = _setting(
        None,
        "secret",
        "A key of Stripe's that may write customers and meter events; with it, what shops used is reported there.",
        shown="none: nothing is reported",
    )
    stripe_url: str = _setting("https://api.stripe.com", "URL", "Where Stripe's interface is.")
    trusted_proxies: int = _setting(
        0, "proxies", "How many proxies of yours stand in front and each add to `X-Forwarded-For`.", ge=0, le=10
    )
    region: str | None = _setting(
        None,
        "code",
        "Where shoppers are, for receipts of consent, unless the shop says otherwise: `FR`, or `US-IL`.",
        shown="none: the shop says, or nobody",
        pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$",
    )
    region_header: str | None = _setting(
        None,
        "header",
        "The header in which a trusted proxy of yours names the shopper's country or region, such as `CF-IPCountry`.",
        shown="none: no header is believed",
        pattern=r"^[A-Za-z0-9-]{1,60}$",
    )
    rates: dict[str, str] = _setting(
        dict,
        "JSON object",
        'Rate limits other than the defaults, such as `{"visit": "600/minute"}` (docs/security.md).',
        shown="`{}`",
    )
    stop_seconds: float = _setting(10.0, "seconds", "How long a process may take to stop in order.", gt=0, le=600)
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "level", "The least that is logged.")
    log_format: Literal["console", "json"] = _setting("console", "form", "Lines for a person or for a collector.")

    @field_validator("data", "models")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        """Processes of one installation may stand in different folders and must mean the same one."""
        return folder.expanduser().absolute()

    @model_validator(mode="after")
    def _headers_of_ours_alone(self) -> Self:
        """A header that anybody could send would put anything into a receipt."""
        if self.region_header is not None and not self.trusted_proxies:
            raise ValueError(f"{variable('region_header')} needs {variable('trusted_proxies')}")
        return self

    @property
    def shown_url(self) -> str:
        """The address to print and to build links from, without a slash at the end."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    def environment(self) -> dict[str, str]:
        """Every field as the environment of a child process, which then reads the very same settings."""
        told: dict[str, str] = {}
        for field in type(self).model_fields:
            value = getattr(self, field)
            if isinstance(value, SecretStr):
                told[variable(field)] = value.get_secret_value()
            elif isinstance(value, tuple | bool | dict):
                told[variable(field)] = json.dumps(value)
            elif value is not None:
                told[variable(field)] = str(value)
        return told


def variable(field: str) -> str:
    """The environment variable that a field of `Settings` is read from."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field.upper()}"


def load_settings() -> Settings:
    """Read the environment. Raises InvalidSettings, which names the variable and never shows its value."""
    known = [variable(field) for field in Settings.model_fields]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise InvalidSettings(f"{name} is no setting" + (f"; did you mean {near[0]}?" if near else ""))
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"{_origin(problem['loc'])}: {problem['msg']}" for problem in error.errors(include_input=False)]
        raise InvalidSettings("; ".join(lines)) from None
    except SettingsError as error:  # a list that is no JSON; its message names the field alone
        raise InvalidSettings(str(error)) from None


def _origin(location: tuple[int | str, ...]) -> str:
    first = str(location[0]) if location else ""
    return variable(first) if first in Settings.model_fields else first


def table() -> str:
    """The settings as a Markdown table, one row each, in the order of the class."""
    rows = ["| variable | default | unit | what it does |", "|---|---|---|---|"]
    for field, info in Settings.model_fields.items():
        extra = info.json_schema_extra
        unit, shown = (extra["unit"], extra["shown"]) if isinstance(extra, dict) else ("", None)
        rows.append(f"| `{variable(field)}` | {shown or f'`{info.default}`'} | {unit} | {info.description} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
