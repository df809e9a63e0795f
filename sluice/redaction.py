"""Hides passwords in addresses before they are printed or logged."""

import re
from typing import Final

HIDDEN: Final = "***"

# From the scheme to the last `@` before the path, so that a password may hold `:` and `@`. Not past
# a slash: `http://localhost:3000/@user` is an ordinary address.
_USERINFO: Final = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*://)(?P<user>[^\s/:@]*):[^\s/?#]*@")
_PARAMETER: Final = re.compile(r"(?i)(?P<name>[?&](?:[\w-]*password|token|secret)=)[^\s&#]+")


def redact(text: str) -> str:
    """Return `text` with every password in an address, and every secret parameter, as `***`."""
    if "://" not in text:
        return text
    text = _USERINFO.sub(rf"\g<scheme>\g<user>:{HIDDEN}@", text)
    return _PARAMETER.sub(rf"\g<name>{HIDDEN}", text)


def redact_address(address: str) -> str:
    """Return one address, well-formed or not, with its password and secret parameters as `***`.

    Stricter than `redact`: a password with a raw slash makes an address that cannot be used, and
    the error that says so must not show it.
    """
    scheme, separator, rest = address.partition("://")
    userinfo, at, place = rest.rpartition("@")
    if not (separator and at):
        return redact(address)
    user, colon, _ = userinfo.partition(":")
    hidden = f"{user}:{HIDDEN}" if colon else user
    return redact(f"{scheme}://{hidden}@{place}")
