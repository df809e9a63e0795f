"""What every page tells the browser not to do."""

from typing import Final

#: Scripts, styles and requests are ours alone, and none stands in the page itself. `'self'` covers
#: our own WebSockets (https://www.w3.org/TR/CSP3/#match-url-to-source-expression).
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_PERMISSIONS: Final = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with that, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": _PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: A year.
_HSTS: Final = "max-age=31536000"


def security_headers(scheme: str) -> dict[str, str]:
    """Return the headers of a page that was asked for over `http` or `https`."""
    if scheme != "https":
        return dict(_HEADERS)
    return {**_HEADERS, "Strict-Transport-Security": _HSTS}
