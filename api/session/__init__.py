"""Sessions for people: a signed cookie instead of a token.

Programs send tokens. A browser signs in with an e-mail address and a password and then carries a
cookie that scripts cannot read and that other sites' requests do not bring along. It holds the key
of a row, so that a session can be seen and ended: by signing out, from another browser, when the
password changes, or when the user is disabled.
"""

from api.session.authentication import SessionAuthentication, Viewer
from api.session.cookie import SessionKeys
from api.session.entry import Entry
from api.session.passwords import Passwords
from api.session.routes import routes
from api.session.shared import RedisAttempts
from api.session.throttle import Attempts, ProcessAttempts

__all__ = [
    "Attempts",
    "Entry",
    "Passwords",
    "ProcessAttempts",
    "RedisAttempts",
    "SessionAuthentication",
    "SessionKeys",
    "Viewer",
    "routes",
]
