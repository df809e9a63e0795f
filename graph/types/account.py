"""The viewer and their tokens."""

from datetime import datetime

import strawberry

from graph.context import Info
from graph.types.description import described
from graph.types.enums import TokenScope
from graph.types.node import Node, global_id
from graph.types.scalars import BigInt
from tasks import models
from tasks.principal import SCOPES, Principal


@described
@strawberry.type
class ApiToken(Node):
    """A Bearer token. The token itself is shown once, when it is created."""

    database_id: BigInt = strawberry.field(description="Its number.")
    name: str = strawberry.field(description="What it is for.")
    prefix: str = strawberry.field(description="Its first characters, to tell tokens apart.")
    scopes: list[TokenScope] = strawberry.field(description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was created.")
    expires_at: datetime | None = strawberry.field(description="When it ceases to work.")
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used, to the minute."
    )
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")

    @classmethod
    def of(cls, record: models.ApiToken) -> "ApiToken":
        """Convert a record."""
        return cls(
            id=global_id("ApiToken", record.id),
            database_id=BigInt(record.id),
            name=record.name,
            prefix=record.prefix,
            scopes=[TokenScope(scope) for scope in record.scopes.split()],
            created_at=record.created_at,
            expires_at=record.expires_at,
            last_used_at=record.last_used_at,
            revoked_at=record.revoked_at,
        )


@described
@strawberry.type
class User(Node):
    """The user whom the credential stands for."""

    database_id: BigInt = strawberry.field(description="Their number.")
    email: str = strawberry.field(description="Their address.")
    is_admin: bool = strawberry.field(description="Whether they administer the installation.")
    created_at: datetime = strawberry.field(description="Since when they are a user.")

    @strawberry.field
    async def tokens(self, info: Info) -> list[ApiToken] | None:
        """Their tokens, oldest first; takes a web session or a token with the scope `ADMIN`."""
        context = info.context
        found = await context.services.tokens.tokens(context.principal)
        return [ApiToken.of(record) for record in found]

    @strawberry.field
    def scopes(self, info: Info) -> list[TokenScope]:
        """What the credential of this request may do."""
        return scopes_of(info.context.principal)

    @classmethod
    def of(cls, record: models.User) -> "User":
        """Convert a record."""
        return cls(
            id=global_id("User", record.id),
            database_id=BigInt(record.id),
            email=record.email,
            is_admin=record.is_admin,
            created_at=record.created_at,
        )


def scopes_of(principal: Principal) -> list[TokenScope]:
    """Return what a principal may do."""
    return [TokenScope(each) for each in SCOPES if each in principal.scopes]
