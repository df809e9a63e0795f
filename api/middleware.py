"""The order in which a request passes what stands before every endpoint."""

from collections.abc import Sequence

from starlette.types import ASGIApp

from api.authentication import Authenticate, Authentication
from api.cors import CrossOrigin
from api.limit import DEFAULT_LIMIT, Counter, RateLimit
from api.proxy import TrustedProxies


def protected(
    app: ASGIApp,
    *,
    authenticate: Authenticate,
    counter: Counter,
    limit: int = DEFAULT_LIMIT,
    trusted_proxies: Sequence[str] = (),
    cross_origins: Sequence[str] = (),
) -> ASGIApp:
    """Put the middleware around the whole application, the outermost last.

    The client's address and host first, since all else reads them; then CORS, whose headers a
    refusal needs too; then who asks; then how often.
    """
    app = RateLimit(app, counter, limit)
    app = Authentication(app, authenticate)
    if cross_origins:
        app = CrossOrigin(app, list(cross_origins))
    return TrustedProxies(app, trusted_proxies) if trusted_proxies else app
