"""Posts that clients send themselves: what they say, and what they are answered."""

from datetime import datetime
from typing import Any

import strawberry

from graph.types.description import described
from graph.types.payload import UserError
from graph.types.scalars import BigInt
from graph.types.task import Task
from tasks.ingest import Ingested

_ERRORS = "Why nothing was done; empty when it was."


@described
@strawberry.input
class NewPostInput:
    """A post to store. What is absent or null is unknown, which for a number is not 0."""

    id: str = strawberry.field(
        description="The same whenever the post is sent again, and no other post's in the task."
    )
    message: str | None = strawberry.field(
        default=None, description="Plain text, at most 65,536 characters."
    )
    author: str | None = strawberry.field(
        default=None, description="As people know them, at most 255 characters."
    )
    url: str | None = strawberry.field(
        default=None, description="Where people see it: `http://…` or `https://…`."
    )
    created_time: datetime | None = strawberry.field(
        default=None, description="When it was posted, from 1900 on."
    )
    likes: BigInt | None = strawberry.field(
        default=None, description="Likes, or what stands in their place."
    )
    comments: BigInt | None = strawberry.field(default=None, description="Replies.")
    shares: BigInt | None = strawberry.field(default=None, description="Reposts.")


@described
@strawberry.input
class AddPostsInput:
    """Posts to add to a task of the platform `push`."""

    id: strawberry.ID = strawberry.field(description="The task.")
    posts: list[NewPostInput] = strawberry.field(
        description="From 1 to 500, in their order; with `finish` there may be none."
    )
    finish: bool = strawberry.field(
        default=False, description="Whether these are the last, so that the task completes."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Repeating the same batch with the same key within 24 hours gives the first "
        "answer again and stores nothing.",
    )

    def values(self) -> dict[str, Any]:
        """Return what the service checks."""
        return {"posts": [dict(vars(post)) for post in self.posts], "finish": self.finish}


@described
@strawberry.input
class FinishTaskInput:
    """A task of the platform `push` that gets no more posts."""

    id: strawberry.ID = strawberry.field(description="The task.")


@described
@strawberry.type
class AddPostsPayload:
    """What became of `addPosts`."""

    task: Task | None = strawberry.field(default=None, description="The task.")
    added: int | None = strawberry.field(default=None, description="Posts stored.")
    duplicates: int | None = strawberry.field(
        default=None, description="Posts that the task had already."
    )
    surplus: int | None = strawberry.field(
        default=None, description="Posts beyond the task's `maxPosts`, which were left out."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)

    @classmethod
    def of(cls, found: Ingested) -> "AddPostsPayload":
        """Convert what the service answers."""
        return cls(
            task=Task.of(found.task),
            added=found.added,
            duplicates=found.duplicates,
            surplus=found.surplus,
        )


@described
@strawberry.type
class FinishTaskPayload:
    """What became of `finishTask`."""

    task: Task | None = strawberry.field(default=None, description="The task.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)
