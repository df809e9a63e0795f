import pytest

from tasks.database import Database
from tasks.errors import ScopeMissing, TargetError
from tasks.ports import Preview, Sleeper
from tasks.principal import RESULTS_READ, Principal
from tasks.service import TaskService
from tasks.validation import NewTask
from tests.conftest import AnyTarget

WISH = NewTask.parse({"group_id": "sandbox:happy", "max_posts": 30})


class Asked:
    """A previewer that notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def preview(self, group_id: str, max_posts: int) -> Preview:
        """Say that it can be read in three calls."""
        self.asked.append((group_id, max_posts))
        return Preview(platform="sandbox", target="happy", is_readable=True, calls=3)


async def test_a_preview_is_the_previewers_word(database: Database, principal: Principal) -> None:
    """The service checks who asks, and hands the question on."""
    previewer = Asked()
    service = TaskService(database, catalogue=AnyTarget(), waker=Sleeper(), previewer=previewer)

    preview = await service.preview(principal, WISH)

    assert preview.calls == 3
    assert previewer.asked == [("sandbox:happy", 30)]


async def test_a_preview_needs_the_right_to_write(database: Database) -> None:
    """Who may create no task sends nobody to a platform either."""
    previewer = Asked()
    service = TaskService(database, catalogue=AnyTarget(), waker=Sleeper(), previewer=previewer)
    reader = Principal(user_id=1, scopes=frozenset({RESULTS_READ}))

    with pytest.raises(ScopeMissing):
        await service.preview(reader, WISH)

    assert previewer.asked == []


async def test_without_a_way_out_a_preview_resolves_alone(
    service: TaskService, principal: Principal
) -> None:
    """It says what is meant, and that nobody was asked."""
    preview = await service.preview(principal, WISH)

    assert preview == Preview(platform="sandbox", target="happy", is_readable=None)
    with pytest.raises(TargetError):
        await service.preview(principal, NewTask.parse({"group_id": "bare", "max_posts": 1}))
