"""The settings: environment variables with the prefix `SLUICE_`, read once at start.

The descriptions here are the table in README.md; a test compares the two in both directions.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from sluice.errors import SettingInvalid
from sluice.graphql_settings import GraphQLFields
from sluice.redaction import redact_address
from tasks.rate import Rate

PREFIX: Final = "SLUICE_"
#: Read by the test suite, not by the product.
TEST_PREFIX: Final = "SLUICE_TEST_"
#: Read by commands that ask a server, and not by what serves.
OF_COMMANDS: Final = (f"{PREFIX}TOKEN",)
DATABASE_FILE: Final = "sluice.db"
MEMORY_BROKER: Final = "memory://"

DATABASE_SCHEMES: Final = ("postgresql", "sqlite")
_DATABASE_EXAMPLE: Final = "postgresql://user:password@host/name or sqlite:///path"
BROKER_SCHEMES: Final = ("memory", "redis", "rediss", "amqp", "amqps")
#: A host without a port, calls, seconds; no number is longer than a day's seconds.
_RATE_LIMIT: Final = re.compile(r"([^\s=/:]+)=(\d{1,5})/(\d{1,5})", re.ASCII)
REDIS_SCHEMES: Final = ("redis", "rediss")

#: What the settings with a pattern must be, in words.
_PATTERNS: Final = {
    "default_platform": "it must be a platform's name in lower case, like sandbox or mastodon",
    "contact": "it must be printable ASCII, like ops@example.org",
}


def _split(value: Any) -> Any:
    """Read `a, b` as the list of `a` and `b`."""
    if isinstance(value, str):
        return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)
    return value


#: Several values in one variable, separated by commas.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(GraphQLFields):
    """What a person can decide from outside. Immutable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # `SLUICE_REDIS_URL=` in a compose file means: not set.
        extra="ignore",
        frozen=True,
    )

    env: Literal["development", "production"] = Field(
        "development",
        description="`development` or `production`. In production, errors and introspection tell "
        "less and cookies need HTTPS.",
    )
    data_dir: Path = Field(
        Path("data"),
        description="Where the embedded database and what `sluice up` remembers are kept.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(
        8000, ge=0, le=65535, description="The port to listen on; 0 takes any free one."
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="`postgresql://user:password@host/name`, or `sqlite:///path`. Without it: "
        "SQLite in the data directory.",
    )
    broker_url: str = Field(
        MEMORY_BROKER,
        repr=False,
        description="What wakes workers: `redis://…`, `rediss://…`, `amqp://…` or `amqps://…`. "
        "The default, `memory://`, reaches only the process it is in.",
    )
    redis_url: str | None = Field(
        None,
        repr=False,
        description="`redis://…` or `rediss://…`: carries live events, and rate limits, between "
        "processes. Without it, events reach other processes by polling the database.",
    )
    default_platform: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_-]*$",
        description="The platform of a `group_id` that names none. Without it such an id is "
        "refused; `sluice up` chooses `sandbox` in a new data directory.",
    )
    allow_hosts: Names = Field(
        (),
        description="Hosts, separated by commas, that sources may read although they are private "
        "or loopback: `127.0.0.1, feeds.internal:8080`.",
    )
    rate_limits: Names = Field(
        (),
        description="Calls that a host may get, slower than its source would make them, separated "
        "by commas: `mastodon.social=30/60` is 30 calls in 60 seconds.",
    )
    contact: str | None = Field(
        None,
        pattern=r"^[\x20-\x7e]+$",
        max_length=200,
        description="An address or URL in the User-Agent, so that a platform can reach you.",
    )
    worker_concurrency: int = Field(
        64, ge=1, le=512, description="Tasks that one worker process runs at a time."
    )
    lease_seconds: int = Field(
        30, ge=5, le=3600, description="How long a silent worker keeps its task."
    )
    max_failures: int = Field(
        5,
        ge=1,
        le=100,
        description="Failures without progress after which a task is given up.",
    )
    max_run_seconds: int = Field(
        900,
        ge=10,
        le=86_400,
        description="How long a task runs before it makes room for others and waits its turn.",
    )
    max_running_per_user: int | None = Field(
        None, ge=1, description="Tasks of one user that run at a time. Without it: no cap."
    )
    max_running_per_platform: int | None = Field(
        None, ge=1, description="Tasks of one platform that run at a time. Without it: no cap."
    )
    push_idle_seconds: int = Field(
        86_400,
        ge=60,
        le=31_622_400,
        description="Seconds without a batch after which a task of the platform `push` that was "
        "begun is completed; its receipt says that the client did not finish.",
    )
    keep_events_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days after which the history of a task is trimmed to its last event. "
        "Without it: kept for ever.",
    )
    keep_posts_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days after which the posts of an ended task are deleted; the task stays. "
        "Without it: kept for ever.",
    )
    keep_tasks_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days after which an ended task is deleted, with its posts and its history. "
        "Without it: kept for ever.",
    )
    keep_tombstones_days: int = Field(
        30,
        ge=1,
        le=36_500,
        description="Days for which clients that watch are still told that a task was deleted.",
    )
    max_reply_bytes: int = Field(
        8_388_608,
        ge=65_536,
        description="The largest answer, after decompression, that is read from a platform.",
    )
    page_cap: int = Field(200, ge=1, le=10_000, description="Pages that one run may read.")
    rate_limit_per_minute: int = Field(
        600, ge=1, description="Requests a minute that one token may make."
    )
    max_connections_per_token: int = Field(
        1_000,
        ge=1,
        description="Live connections that one token may have open to one process.",
    )
    sign_up: bool = Field(
        default=False,
        description="Whether anybody who reaches the web pages may make an account. Without it, "
        "`sluice user create` does.",
    )
    trusted_proxies: Names = Field(
        (),
        description="Addresses or networks, separated by commas, whose `X-Forwarded-For`, "
        "`-Proto` and `-Host` are believed.",
    )
    cors_origins: Names = Field(
        (),
        description="Origins, separated by commas, whose pages may call the API from a browser: "
        "`https://app.example.org`, or `*` for all.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="`debug`, `info`, `warning` or `error`."
    )
    log_format: Literal["console", "json"] | None = Field(
        None,
        description="`console` or `json`. Without it: `console` on a terminal, else `json`.",
    )

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        return _check_url(value, DATABASE_SCHEMES, _DATABASE_EXAMPLE)

    @field_validator("broker_url")
    @classmethod
    def _check_broker_url(cls, value: str) -> str:
        return _check_url(value, BROKER_SCHEMES, "redis://host:6379/0 or amqp://host:5672")

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        return _check_url(value, REDIS_SCHEMES, "redis://host:6379/0")

    @field_validator("rate_limits")
    @classmethod
    def _check_rate_limits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for limit in value:
            _rate_of(limit)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_trusted_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError(
                    f"{proxy} must be an address or a network, like 10.0.0.7 or 10.0.0.0/8"
                ) from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_cors_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            plain = f"{parts.scheme}://{parts.netloc}" == origin and parts.netloc
            if origin != "*" and not (plain and parts.scheme in {"http", "https"}):
                raise ValueError(f"{origin} must be an origin, like https://app.example.org")
        return value

    @property
    def rates(self) -> Mapping[str, Rate]:
        """The operator's rates by host."""
        return dict(_rate_of(limit) for limit in self.rate_limits)

    @property
    def database(self) -> str:
        """The database's address: the one that is set, or SQLite in the data directory."""
        if self.database_url is not None:
            return self.database_url
        return f"sqlite:///{quote(str(self.data_dir.absolute() / DATABASE_FILE))}"

    @property
    def database_is_sqlite(self) -> bool:
        """Whether one process alone may run on this database."""
        return self.database.startswith("sqlite:")

    @property
    def database_is_embedded(self) -> bool:
        """Whether the database is the data directory's own."""
        return self.database_url is None

    @property
    def broker_is_in_memory(self) -> bool:
        """Whether wake-ups reach this process alone."""
        return urlsplit(self.broker_url).scheme == "memory"


def load(**overrides: Any) -> Settings:
    """Read the settings; `overrides` that are not None win over the environment.

    Raises:
        SettingInvalid: A value cannot be used. One sentence for the first one found.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingInvalid(_sentence(error)) from None


def check_database_url(url: str) -> None:
    """Refuse an address that is no database's, as the setting would be.

    Raises:
        SettingInvalid: It is none; the message does not show a password.
    """
    try:
        _check_url(url, DATABASE_SCHEMES, _DATABASE_EXAMPLE)
    except ValueError as error:
        raise SettingInvalid(f"{redact_address(url)!r} is no database: {error}.") from None


def unknown_variables(
    environment: Mapping[str, str] = os.environ, *, sources: Collection[str] = ()
) -> Iterator[str]:
    """Yield a sentence for each variable with our prefix that is no setting, with the nearest.

    `sources` names the variables that the platforms' credentials come from.
    """
    settings = (f"{PREFIX}{name.upper()}" for name in Settings.model_fields)
    known = [*settings, *sources, *OF_COMMANDS]
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable.startswith(TEST_PREFIX):
            continue
        if variable not in known:
            nearest = difflib.get_close_matches(variable, known, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else "."
            yield f"{variable} is no setting of Sluice and has no effect{hint}"


def _rate_of(limit: str) -> tuple[str, Rate]:
    """Read `host=calls/seconds`."""
    match = _RATE_LIMIT.fullmatch(limit)
    if match is None or not (calls := int(match[2])) or not (seconds := int(match[3])):
        raise ValueError(
            f"{limit} must be a host and its calls in so many seconds, like mastodon.social=30/60"
        )
    return match[1].lower(), Rate(calls=calls, seconds=seconds)


def _check_url(value: str, schemes: tuple[str, ...], example: str) -> str:
    """Return an address as it was written, if its scheme is one of `schemes` and it has a place."""
    try:
        parts = urlsplit(value)
        port_is_number = parts.port is None or parts.port >= 0
    except ValueError:
        raise ValueError(f"it must be like {example}, with a number as its port") from None
    if parts.scheme == "sqlite" and "sqlite" in schemes:
        complete = value.startswith("sqlite:///") and len(value) > len("sqlite:///")
    elif parts.scheme == "memory":
        complete = True
    else:
        complete = bool(parts.hostname) and port_is_number
    if parts.scheme not in schemes or not complete:
        raise ValueError(f"it must be like {example}")
    return value


def _sentence(error: ValidationError) -> str:
    """Put the first thing that is wrong into one sentence that names its variable."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    given: Any = first["input"]
    shown = ", ".join(map(str, given)) if isinstance(given, tuple) else str(given)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - pydantic types inputs as Any
    if name.endswith("_url"):
        shown = redact_address(shown)
    return f"{PREFIX}{name.upper()} is {shown!r}, but {_expectation(first)}."


def _expectation(detail: Mapping[str, Any]) -> str:
    """Say what would have been right."""
    context: Mapping[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "int_parsing" | "int_parsing_size" | "int_type" | "int_from_float":
            expected = "it must be a whole number"
        case "greater_than_equal":
            expected = f"it must be at least {context['ge']}"
        case "less_than_equal":
            expected = f"it must be at most {context['le']}"
        case "literal_error":
            expected = f"it must be {context['expected'].replace(chr(39), '')}"
        case "string_pattern_mismatch":
            expected = _PATTERNS[detail["loc"][0]]
        case "value_error":
            expected = str(context["error"])
        case _:
            message = str(detail["msg"])
            expected = message[:1].lower() + message[1:]
    return expected
