"""From a database's address to an open database."""

from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from tasks.database.base import Database
from tasks.database.postgresql import PostgresDatabase
from tasks.database.sqlite import SqliteDatabase
from tasks.errors import DatabaseUnavailable


async def open_database(url: str, *, connections: int = 10) -> Database:
    """Open `postgresql://…` or `sqlite:///path`, with at most `connections` to PostgreSQL.

    Raises:
        DatabaseUnavailable: The address is of neither kind, or nothing can be opened there.
    """
    scheme = urlsplit(url).scheme
    if scheme in {"postgresql", "postgres"}:
        return await PostgresDatabase.open(url, name=describe(url), connections=connections)
    if scheme == "sqlite":
        return SqliteDatabase(sqlite_path(url))
    raise DatabaseUnavailable(
        f"{describe(url)} is no database address; it must start with postgresql:// or sqlite:///."
    )


def sqlite_path(url: str) -> Path:
    """Return the file of a `sqlite:///…` address; four slashes make it absolute."""
    return Path(unquote(url.removeprefix("sqlite:///")))


def describe(url: str) -> str:
    """Return the address without its password, fit for a message."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user = f"{parts.username}:***@" if parts.username else ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=user + host))
