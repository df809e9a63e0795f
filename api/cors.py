"""Lets browsers of other origins call the API. Off unless origins are set."""

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from api.rest import shapes

_METHODS: Final = ("GET", "POST", "PUT", "DELETE")
_REQUEST_HEADERS: Final = ("Authorization", "Content-Type", "Idempotency-Key")
_ANSWER_HEADERS: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "Retry-After")


class CrossOrigin(CORSMiddleware):
    """Starlette's middleware with this API's methods and headers, refusing in JSON.

    Tokens travel in a header, never in a cookie, so credentials are not allowed and `*` is safe.
    """

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a browser's question; a refusal is in JSON like every other error here."""
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:  # noqa: PLR2004 - the only other status is 400
            return answer
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("content-length", "content-type")
        }
        text = bytes(answer.body).decode()
        return shapes.error(text, status=answer.status_code, headers=headers)
