"""Who asks, and what they may do."""

from dataclasses import dataclass
from typing import Final

from tasks.errors import ScopeMissing

TASKS_READ: Final = "tasks:read"
TASKS_WRITE: Final = "tasks:write"
RESULTS_READ: Final = "results:read"
ADMIN: Final = "admin"
SCOPES: Final = (TASKS_READ, TASKS_WRITE, RESULTS_READ, ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A user as seen through one credential."""

    user_id: int
    scopes: frozenset[str]
    token_id: int | None = None  #: None for a web session and for the command line.
    via_session: bool = False
    session_id: int | None = None  #: Which session, where it is one.

    def require(self, scope: str) -> None:
        """Refuse when the credential lacks `scope`.

        Raises:
            ScopeMissing: It does.
        """
        if scope not in self.scopes:
            raise ScopeMissing(scope)
