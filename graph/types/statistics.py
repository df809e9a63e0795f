"""A task's posts, counted."""

from datetime import datetime

import strawberry

from graph.types.description import described
from graph.types.scalars import BigInt
from tasks import statistics as service


@described
@strawberry.type
class TimelineSlot:
    """The posts of a stretch of time."""

    at: datetime = strawberry.field(description="When it begins.")
    posts: int = strawberry.field(description="How many posts were made in it.")


@described
@strawberry.type
class LikesBand:
    """The posts with about as many likes."""

    least: BigInt | None = strawberry.field(description="At least so many; null for no bound.")
    most: BigInt | None = strawberry.field(description="At most so many; null for no bound.")
    posts: int = strawberry.field(description="How many posts have that.")


@described
@strawberry.type
class AuthorCount:
    """An author's posts in a task."""

    name: str = strawberry.field(description="As the platform shows it.")
    posts: int = strawberry.field(description="How many are theirs.")
    likes: BigInt | None = strawberry.field(
        description="The likes of those of which they are known; null if of none."
    )


@described
@strawberry.type
class TaskStatistics:
    """A task's posts, counted by the database."""

    posts: int = strawberry.field(description="How many there are.")
    timeline: list[TimelineSlot] = strawberry.field(
        description="When they were made: at most 60 slots, in order, empty ones included."
    )
    slot_seconds: BigInt = strawberry.field(description="How long a slot of the timeline is.")
    undated: int = strawberry.field(description="Posts that do not say when they were made.")
    likes: list[LikesBand] = strawberry.field(
        description="How liked they are: bands that grow by about two, in order, empty ones "
        "between others included."
    )
    unrated: int = strawberry.field(description="Posts whose likes are unknown.")
    authors: list[AuthorCount] = strawberry.field(
        description="Who made the most of them: at most 10 authors."
    )
    author_count: int = strawberry.field(description="How many authors there are.")
    unnamed: int = strawberry.field(description="Posts that do not say by whom they are.")

    @classmethod
    def of(cls, found: service.Statistics) -> "TaskStatistics":
        """Convert the service's."""
        return cls(
            posts=found.posts,
            timeline=[TimelineSlot(at=each.at, posts=each.posts) for each in found.slots],
            slot_seconds=BigInt(found.slot_seconds),
            undated=found.undated,
            likes=[
                LikesBand(least=_big(band.least), most=_big(band.most), posts=band.posts)
                for band in found.bands
            ],
            unrated=found.unrated,
            authors=[
                AuthorCount(name=each.name, posts=each.posts, likes=_big(each.likes))
                for each in found.authors
            ],
            author_count=found.author_count,
            unnamed=found.unnamed,
        )


def _big(value: int | None) -> BigInt | None:
    return None if value is None else BigInt(value)
