import pytest

from sluice.errors import AddressUnavailable
from sluice.listening import address_of, listen


def test_port_zero_takes_a_free_port() -> None:
    """And the address tells which."""
    with listen("127.0.0.1", 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_listening_everywhere_is_reached_at_loopback() -> None:
    """An address to paste must be one that works."""
    with listen("0.0.0.0", 0) as listener:  # noqa: S104 - closed again before anybody comes
        assert address_of(listener).startswith("http://127.0.0.1:")


def test_a_port_in_use_is_one_sentence() -> None:
    """It names the port, the host and the way out."""
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(AddressUnavailable) as caught:
            listen("127.0.0.1", port)

    assert str(caught.value) == (
        f"Port {port} on 127.0.0.1 is in use; stop what listens there, or choose another with "
        "--port or SLUICE_PORT."
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a..b", "x" * 300])
def test_a_host_that_is_not_this_machines_is_one_sentence(host: str) -> None:
    """Whether it is somebody else's address or none at all."""
    with pytest.raises(AddressUnavailable, match="is no address of this machine"):
        listen(host, 0)
