"""Sessions for people: a signed cookie instead of a token.

Programs send tokens. A browser signs in with an e-mail address and a password and then carries a
cookie that scripts cannot read, that other sites' requests do not bring along, and that stops
working when the password changes or the user is disabled.
"""

from api.session.authentication import SessionAuthentication, Viewer
from api.session.cookie import SessionKeys
from api.session.passwords import Passwords
from api.session.routes import routes
from api.session.shared import RedisAttempts
from api.session.throttle import Attempts, ProcessAttempts

__all__ = [
    "Attempts",
    "Passwords",
    "ProcessAttempts",
    "RedisAttempts",
    "SessionAuthentication",
    "SessionKeys",
    "Viewer",
    "routes",
]
