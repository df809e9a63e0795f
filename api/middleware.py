"""The order in which a request passes what stands before every endpoint."""

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp

from api.authentication import Authenticate, Authentication, Recall
from api.cors import CrossOrigin
from api.limit import DEFAULT_LIMIT, Counter, RateLimit
from api.proxy import TrustedProxies


def protected(
    app: ASGIApp,
    *,
    authenticate: Authenticate,
    recall: Recall | None = None,
    counter: Counter,
    limit: int = DEFAULT_LIMIT,
    trusted_proxies: Sequence[str] = (),
    cross_origins: Sequence[str] = (),
    sessions: Callable[[ASGIApp], ASGIApp] | None = None,
) -> ASGIApp:
    """Put the middleware around the whole application, the outermost last.

    The client's address and host first, since all else reads them; then CORS, whose headers a
    refusal needs too; then who asks, by token and then by session; then how often. `recall` knows
    tokens that `authenticate` was asked for a moment ago.
    """
    app = RateLimit(app, counter, limit)
    if sessions is not None:
        app = sessions(app)
    app = Authentication(app, authenticate, recall)
    if cross_origins:
        app = CrossOrigin(app, list(cross_origins))
    return TrustedProxies(app, trusted_proxies) if trusted_proxies else app
