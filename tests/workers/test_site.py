from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.site import Address, Site, split


@pytest.mark.parametrize(
    ("typed", "written", "base"),
    [
        ("Example.org", "example.org", "https://example.org"),
        ("https://example.org", "example.org", "https://example.org"),
        ("https://example.org:443", "example.org", "https://example.org"),
        ("example.org:8443", "example.org:8443", "https://example.org:8443"),
        ("HTTP://localhost:3000", "http://localhost:3000", "http://localhost:3000"),
        ("bücher.example", "xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1"),
        ("[::1]:8443", "[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_site_is_written_in_one_way(typed: str, written: str, base: str) -> None:
    """As short as it goes, and with its whole address at hand."""
    site = Site.of(typed)

    assert (site.written, site.base) == (written, base)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "example",
        "example.org/x",
        "a b.c",
        "x@y.z",
        "a..b",
        "ftp://x.y",
        "x.y:0",
        "x.y:z",
        "-.a",
    ],
)
def test_what_is_no_site_is_refused(typed: str) -> None:
    """A name needs a dot, and nothing may come behind it."""
    with pytest.raises(ValueError, match="is not a site"):
        Site.of(typed)


@given(st.text(max_size=60))
def test_writing_a_site_loses_nothing(typed: str) -> None:
    """Whatever is accepted reads as itself again; all else is a ValueError."""
    with suppress(ValueError):
        site = Site.of(typed)
        assert Site.of(site.written) == site
        assert Site.of(site.base) == site


def test_a_target_is_parted_at_its_first_slash() -> None:
    """The scheme's own slashes do not count."""
    assert split("http://x.y:1/a/b") == (Site.of("http://x.y:1"), "a/b")
    assert split("x.y") == (Site.of("x.y"), "")


@pytest.mark.parametrize(
    ("pasted", "site", "path"),
    [
        ("http://example.org/a/", "example.org", "/a"),
        ("https://example.org", "example.org", "/"),
        ("http://example.org:8080/a?b=c#d", "http://example.org:8080", "/a"),
    ],
)
def test_a_pasted_address_is_read(pasted: str, site: str, path: str) -> None:
    """Sites have https for years now; with a port, what is written is meant."""
    address = Address.of(pasted)

    assert address is not None
    assert (address.site.written, address.path) == (site, path)


@pytest.mark.parametrize(
    "pasted", ["example.org/a", "mailto:a@b.c", "https://", "https://a:b@c.d/"]
)
def test_what_is_no_address_is_none(pasted: str) -> None:
    """Names without a scheme and addresses with a password among it."""
    assert Address.of(pasted) is None
