"""Takes the port before anything else is done, so that a busy one is found out at once."""

import errno
import socket
from typing import Final

from sluice import open_files
from sluice.errors import AddressUnavailable

#: Connections that may wait to be accepted; uvicorn's default.
BACKLOG: Final = 2048


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port`; port 0 takes any free one.

    Takes as many connections as the system lets this process have.

    Raises:
        AddressUnavailable: The port is in use or not allowed, or the host is not this machine's.
    """
    open_files.raise_limit()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise AddressUnavailable(
            f"{host!r} is no address of this machine; set --host or SLUICE_HOST to one, "
            "such as 127.0.0.1."
        ) from None
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    # A restart must not wait until the old connections' TIME_WAIT has passed.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)  # Only listening, not binding, fails beside another listener.
    except OSError as error:
        listener.close()
        raise AddressUnavailable(_sentence(error, host, port)) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the URL at which a listener can be reached from this machine."""
    host, port = listener.getsockname()[:2]
    return url_of(host, port)


def url_of(host: str, port: int) -> str:
    """Return the URL at which this machine reaches what listens on `host` and `port`."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use; stop what listens there, or choose another with "
            "--port or SLUICE_PORT."
        )
    if error.errno == errno.EACCES:
        return (
            f"This user may not listen on port {port}; choose one above 1023 with --port or "
            "SLUICE_PORT."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"{host} is no address of this machine; set --host or SLUICE_HOST to one, such as "
            "127.0.0.1."
        )
    return f"Nothing can listen on {host}, port {port}: {error.strerror}."
