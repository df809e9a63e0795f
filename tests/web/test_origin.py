"""Whose page makes a browser send a request."""

import pytest
from starlette.datastructures import Headers

from web.origin import is_foreign

HOST = "example.com:8000"
OURS = f"http://{HOST}"


@pytest.mark.parametrize(
    "sent",
    [
        {"origin": OURS},
        {"origin": f"https://{HOST}"},  # A proxy speaks TLS.
        {"origin": OURS, "sec-fetch-site": "same-origin"},
        {"origin": OURS, "sec-fetch-site": "none"},
    ],
)
def test_a_page_of_ours_sends_our_origin(sent: dict[str, str]) -> None:
    """Whether its browser says more or not."""
    headers = Headers({"host": HOST, **sent})

    assert not is_foreign(headers)
    assert not is_foreign(headers, needs_origin=True)


@pytest.mark.parametrize(
    "sent",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://example.com"},  # Another port is another site's.
        {"origin": f"http://{HOST}.evil.example"},
        {"origin": f"http://{HOST}@evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://["},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": OURS, "sec-fetch-site": "same-site"},
        {"origin": OURS, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "new-word"},
    ],
)
def test_either_header_may_tell_of_another_site(sent: dict[str, str]) -> None:
    """What cannot be read is none of ours."""
    headers = Headers({"host": HOST, **sent})

    assert is_foreign(headers)
    assert is_foreign(headers, needs_origin=True)


@pytest.mark.parametrize(
    "sent", [{}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}]
)
def test_without_an_origin_it_depends(sent: dict[str, str]) -> None:
    """A GET has none; whatever changes something has one, or does not count."""
    headers = Headers({"host": HOST, **sent})

    assert not is_foreign(headers)
    assert is_foreign(headers, needs_origin=True)


def test_without_a_host_no_origin_is_ours() -> None:
    """Not even an empty one."""
    assert is_foreign(Headers({"origin": ""}))
    assert is_foreign(Headers({"origin": "http://"}))
