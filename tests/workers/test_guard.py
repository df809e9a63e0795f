from collections.abc import Sequence

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import AddressRefused, SourceUnavailable
from workers.guard import Guard, is_public

PRIVATE = [
    "0.0.0.0",  # noqa: S104 - what must be refused
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2001:0:1::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
NOTATIONS = [
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "127.1",
    "017700000001",
    "127.0.0.1.",
]


class Names:
    """A name server that knows what it is told."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer with the host's addresses."""
        del port
        if host not in self._addresses:
            raise OSError(host)
        return self._addresses[host]


def check(guard: Guard, address: str) -> None:
    """Put an address before the guard."""
    url = httpx2.URL(address)
    guard.check_url(url, shown=address)


@pytest.mark.parametrize("address", PRIVATE)
def test_special_networks_are_not_public(address: str) -> None:
    """Whatever the registries reserve, and the clouds' metadata services."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_public_addresses_are_public(address: str) -> None:
    """Also behind the prefixes that networks without IPv4 use."""
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_embedded_address_is_judged_as_itself(address: object) -> None:
    """A private address does not become public by being written as IPv6."""
    expected = is_public(str(address))

    assert is_public(f"::ffff:{address}") == expected
    assert is_public(f"64:ff9b::{address}") == expected
    assert not is_public(f"::{address}")


@pytest.mark.parametrize("host", NOTATIONS)
def test_odd_notations_are_refused(host: str) -> None:
    """Resolvers take them for loopback."""
    with pytest.raises(AddressRefused):
        check(Guard(), f"http://{host}/")


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org/",
        "file:///etc/hostname",
        "https:///x",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://user:secret@example.org/",
    ],
)
def test_only_web_addresses_pass(address: str) -> None:
    """Web schemes, ports that exist, and no password."""
    with pytest.raises(AddressRefused) as caught:
        Guard().check_url(httpx2.URL(address), shown="shown")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.1:8080", " 127.0.0.1 "])
def test_an_exempt_address_passes(allowed: str) -> None:
    """The administrator named it."""
    check(Guard(allow_hosts=[allowed]), "http://127.0.0.1:8080/")


@pytest.mark.parametrize("allowed", ["127.0.0.1:80", "127.0.0.2", "localhost", "127.0.0"])
def test_an_exemption_is_exact(allowed: str) -> None:
    """Another port, address or name is not exempt."""
    with pytest.raises(AddressRefused):
        check(Guard(allow_hosts=[allowed]), "http://127.0.0.1:8080/")


@pytest.mark.parametrize("allowed", ["http://x", "x:", "x:y", ":80"])
def test_a_wrong_exemption_is_named(allowed: str) -> None:
    """A typing error in the setting must not pass for an exemption."""
    with pytest.raises(ValueError, match="SLUICE_ALLOW_HOSTS"):
        Guard(allow_hosts=[allowed])


async def test_every_address_of_a_name_must_be_public() -> None:
    """One private address among public ones is enough to refuse."""
    guard = Guard(
        resolver=Names(**{"a.example": ["8.8.8.8", "10.0.0.1"], "b.example": ["8.8.8.8"]})
    )

    assert await guard.addresses("b.example", 443) == ["8.8.8.8"]
    with pytest.raises(AddressRefused) as caught:
        await guard.addresses("a.example", 443)

    assert "SLUICE_ALLOW_HOSTS" in str(caught.value)
    assert "10.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    "allowed", ["inner.example", "inner.example:443", "INNER.example.", "10.0.0.1"]
)
async def test_an_exempt_name_may_be_private(allowed: str) -> None:
    """By its name, or by the address that it has."""
    guard = Guard(allow_hosts=[allowed], resolver=Names(**{"inner.example": ["10.0.0.1"]}))

    assert await guard.addresses("inner.example", 443) == ["10.0.0.1"]


async def test_an_unknown_name_is_unavailable() -> None:
    """A name server's failure is the source's, and may pass."""
    with pytest.raises(SourceUnavailable, match=r"nowhere\.example"):
        await Guard(resolver=Names()).addresses("nowhere.example", 443)
