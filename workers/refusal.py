"""From a reply that is no success, or none at all, to the error that says what it means.

The rules are those that hold for most platforms; a source that knows better asks for the status
(`statuses=`) and raises its own.
"""

import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

import httpx2

from workers import errors
from workers.pause import retry_at

#: How long to wait after a 429 that does not say.
DEFAULT_PAUSE: Final = timedelta(minutes=1)

REFUSALS: Final[Mapping[int, tuple[type[errors.SourceError], str]]] = {
    401: (errors.SourceAuthRequired, "it wants a credential that is missing or wrong"),
    403: (errors.SourcePrivate, "it is not open to us"),
    404: (errors.SourceNotFound, "there is nothing at this address"),
    407: (errors.SourceAuthRequired, "a proxy on the way wants a credential"),
    410: (errors.SourceNotFound, "what was at this address is gone"),
    451: (errors.SourcePrivate, "it is withheld for legal reasons"),
}
#: Trouble of the moment, though the number begins with a 4.
TRANSIENT: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
SERVER_ERRORS: Final = 500

#: Failures of the connection that a second try often cures. A timeout is none of them: the
#: slot was held long enough.
CURABLE: Final = (
    httpx2.ConnectError,
    httpx2.ReadError,
    httpx2.WriteError,
    httpx2.RemoteProtocolError,
)


def is_transient(status: int) -> bool:
    """Say whether the same call may well succeed in a moment."""
    return status >= SERVER_ERRORS or status in TRANSIENT


def is_web_page(headers: Mapping[str, str], content: bytes) -> bool:
    """Say whether a reply is a page for people."""
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "html" in headers.get("content-type", "").lower() or start.startswith(
        (b"<!doctype html", b"<html")
    )


def error_of(
    *, status: int, headers: Mapping[str, str], content: bytes, shown: str, now: datetime
) -> errors.SourceError:
    """Return the error that a reply outside 2xx means. `shown` is the address for messages."""
    page = is_web_page(headers, content)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return errors.SourceRateLimited(
            f"{shown} asks to wait before the next call.",
            retry_at=retry_at(headers, now) or now + DEFAULT_PAUSE,
            address=shown,
            status=status,
        )
    if is_transient(status):
        return errors.SourceUnavailable(
            f"{shown} answered {status}; the service has a problem.",
            address=shown,
            status=status,
            # Only what is meant for refusals: a 500 with a rate header says nothing of when.
            retry_at=retry_at({"retry-after": headers.get("retry-after", "")}, now),
            excerpt=content,
        )
    kind, reason = _refusal(status, page=page)
    return kind(
        f"{shown} answered {status}: {reason}.", address=shown, status=status, excerpt=content
    )


def _refusal(status: int, *, page: bool) -> tuple[type[errors.SourceError], str]:
    if status == HTTPStatus.FORBIDDEN and page:
        return errors.SourceBlocked, "a page for people came instead of an answer"
    return REFUSALS.get(status, (errors.SourceBadReply, "that is not what its documents promise"))


def unavailable(failure: httpx2.TransportError, shown: str) -> errors.SourceUnavailable:
    """Return the error that a failed connection means. `shown` is the address for messages."""
    if isinstance(failure, httpx2.TimeoutException):
        reason = "did not answer in time"
    elif _untrusted(failure):
        reason = "has no certificate that can be trusted for its name"
    elif isinstance(failure, httpx2.ConnectError):
        reason = "could not be reached"
    elif isinstance(failure, httpx2.ProtocolError):
        reason = "does not speak HTTP as it should"
    else:
        reason = "broke the connection off"
    error = errors.SourceUnavailable(f"{shown} {reason}.", address=shown)
    error.__cause__ = failure
    return error


def is_curable(failure: httpx2.TransportError) -> bool:
    """Say whether the connection may well hold the next time."""
    return isinstance(failure, CURABLE) and not _untrusted(failure)


def _untrusted(failure: BaseException) -> bool:
    """Say whether TLS failed, which a second try does not cure."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
