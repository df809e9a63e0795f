"""The catalogue of platforms."""

from datetime import date

import strawberry

from graph.types.description import described
from graph.types.enums import PlatformState
from graph.types.node import Node, global_id
from tasks import ports


@described
@strawberry.type
class Platform(Node):
    """A platform that tasks can read, and whether they can here and now."""

    name: str = strawberry.field(description="The part of a `groupId` before the colon.")
    title: str = strawberry.field(description="Its name for people.")
    state: PlatformState = strawberry.field(description="Whether it can be read here.")
    target_help: str = strawberry.field(description="What a target looks like.")
    examples: list[str] = strawberry.field(description="Values for `groupId`.")
    documentation: str | None = strawberry.field(description="The platform's own documents.")
    documentation_read_on: date | None = strawberry.field(description="When they were last read.")
    has_credential: bool = strawberry.field(description="Whether a credential is configured.")
    missing_settings: list[str] = strawberry.field(
        description="The variables that an administrator has to set."
    )
    closed_since: date | None = strawberry.field(description="Since when it cannot be read.")
    closed_reason: str | None = strawberry.field(description="Why it cannot be read.")

    @classmethod
    def of(cls, record: ports.Platform) -> "Platform":
        """Convert a catalogue's entry."""
        return cls(
            id=global_id("Platform", record.name),
            name=record.name,
            title=record.title,
            state=PlatformState(record.state.value),
            target_help=record.target_help,
            examples=list(record.examples),
            documentation=record.documentation,
            documentation_read_on=record.read_on,
            has_credential=record.has_credential,
            missing_settings=list(record.missing_settings),
            closed_since=record.closed_since,
            closed_reason=record.closed_reason,
        )
