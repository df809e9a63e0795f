"""What a browser sends to change something: read, and refused where no page of ours asks.

A form carries the token that its page was given, so that an old browser's missing `Origin` header
is no way in.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import ClientDisconnect, Request

from api.session.cookie import FORM_NAME, SessionKeys
from web.origin import is_foreign

MAX_BODY: Final = 16_384
MAX_FIELDS: Final = 1_000
MEDIA_TYPE: Final = "application/x-www-form-urlencoded"

Form = ImmutableMultiDict[str, str]


class Refused(Exception):
    """A request that is answered with a sentence."""

    def __init__(self, message: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def require_own_page(request: Request) -> None:
    """Refuse what another site's page makes a browser send.

    Raises:
        Refused: `Origin` or `Sec-Fetch-Site` says so.
    """
    if is_foreign(request.headers):
        raise Refused("This can be done from our own pages only.", 403)


def media_type(request: Request) -> str:
    """Return what the request says that its body is."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_form(request: Request, keys: SessionKeys, *, most: int = MAX_BODY) -> Form:
    """Read a form that a page of ours sent from this browser, of at most `most` bytes.

    Raises:
        Refused: It is no form, too large, or not from our page.
    """
    require_own_page(request)
    if media_type(request) != MEDIA_TYPE:
        raise Refused(f"Send {MEDIA_TYPE}.", 415)
    form = parsed(await read_body(request, most=most))
    require_form_token(request, keys, form)
    return form


def parsed(body: bytes) -> Form:
    """Return a form's fields; a name may come more than once.

    Raises:
        Refused: It has more fields than any page of ours.
    """
    try:
        fields = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Refused(f"The form has more than {MAX_FIELDS} fields.", 413) from None
    return Form(fields)


def require_form_token(request: Request, keys: SessionKeys, form: Form) -> None:
    """Refuse a form that did not come from a page that this browser was given.

    Raises:
        Refused: Its token is another's, or is missing.
    """
    browser = request.cookies.get(FORM_NAME, "")
    if not keys.is_form_token(form.get("form_token", ""), browser):
        raise Refused("This form is too old; load the page again.", 403)


async def read_body(request: Request, *, most: int = MAX_BODY) -> bytes:
    """Read a body of at most `most` bytes.

    Raises:
        Refused: It is larger, or ends early.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise Refused(f"The request has more than {most} bytes.", 413)
            chunks.append(chunk)
    except ClientDisconnect:
        raise Refused("The request ended early.", 400) from None
    return b"".join(chunks)


def local_path(wanted: str, otherwise: str = "/") -> str:
    """Return where to go next, if that is a place of ours."""
    # `//host` and `/\host` are other sites' addresses to a browser.
    ours = wanted.startswith("/") and wanted[1:2] not in ("/", "\\") and wanted.isprintable()
    return wanted if ours else otherwise
