"""What a `group_id` means, said to somebody who is still writing it."""

from dataclasses import dataclass

from tasks.errors import TargetError
from tasks.ports import Catalogue, Target
from tasks.principal import TASKS_READ, Principal


@dataclass(frozen=True, slots=True)
class Resolution:
    """A target, or why there is none."""

    target: Target | None = None
    error: TargetError | None = None


class ResolutionService:
    """Resolves for clients. Asks nobody: no network, no database."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def resolve(self, principal: Principal, group_id: str) -> Resolution:
        """Say which platform and target a `group_id` means, or what is wrong with it.

        Raises:
            ScopeMissing: The credential may not read tasks.
        """
        principal.require(TASKS_READ)
        try:
            return Resolution(target=self._catalogue.resolve(group_id))
        except TargetError as error:
            return Resolution(error=error)
