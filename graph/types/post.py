"""Posts and their connection."""

from datetime import datetime
from typing import Annotated

import strawberry

from graph.types.connection import PageInfo
from graph.types.description import described
from graph.types.node import Node, global_id
from graph.types.scalars import BigInt
from tasks import models
from tasks.cursor import Slice


@described
@strawberry.type
class Post(Node):
    """One public post. What its source does not tell is null, never 0."""

    source_id: str = strawberry.field(description="The platform's own id of it.")
    position: int = strawberry.field(description="Its place in the task, from 0.")
    message: str | None = strawberry.field(description="Plain text, as untrusted as any input.")
    author: str | None = strawberry.field(description="As the platform shows it.")
    url: str | None = strawberry.field(description="Where people see it.")
    created_time: datetime | None = strawberry.field(description="When it was posted.")
    likes: BigInt | None = strawberry.field(description="Likes, or what stands in their place.")
    comments: BigInt | None = strawberry.field(description="Replies.")
    shares: BigInt | None = strawberry.field(description="Reposts.")

    @strawberry.field
    def excerpt(
        self,
        *,
        characters: Annotated[
            int, strawberry.argument(description="How many at most; 0 or more.")
        ] = 500,
    ) -> str | None:
        """The message's first characters, for lists: messages may be long."""
        return None if self.message is None else self.message[: max(0, characters)]

    @strawberry.field
    def message_characters(self) -> int | None:
        """How many characters the message has."""
        return None if self.message is None else len(self.message)

    @classmethod
    def of(cls, record: models.Post) -> "Post":
        """Convert a record."""
        return cls(
            id=global_id("Post", record.task_id, record.post_id),
            source_id=record.post_id,
            position=record.position,
            message=record.message,
            author=record.author,
            url=record.url,
            created_time=record.created_time,
            likes=_big(record.likes),
            comments=_big(record.comments),
            shares=_big(record.shares),
        )


@described
@strawberry.type
class PostEdge:
    """A post in its list."""

    cursor: str = strawberry.field(description="Where the post stands in the list.")
    node: Post = strawberry.field(description="The post.")


@described
@strawberry.type
class PostConnection:
    """A page of a task's posts."""

    edges: list[PostEdge] = strawberry.field(description="The page's posts, with their cursors.")
    nodes: list[Post] = strawberry.field(description="The page's posts alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
    total_count: int = strawberry.field(
        description="How many posts the task has, whatever is searched for."
    )

    @classmethod
    def of(cls, found: Slice[models.Post], *, total: int) -> "PostConnection":
        """Convert a page."""
        nodes = [Post.of(record) for record in found.rows]
        marked = zip(found.cursors, nodes, strict=True)
        return cls(
            edges=[PostEdge(cursor=cursor, node=node) for cursor, node in marked],
            nodes=nodes,
            page_info=PageInfo.of(found),
            total_count=total,
        )


def _big(value: int | None) -> BigInt | None:
    return None if value is None else BigInt(value)
