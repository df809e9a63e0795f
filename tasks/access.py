"""A user's own tokens: who may list, create and revoke them."""

from collections.abc import Collection
from datetime import datetime

from tasks import models
from tasks.accounts import DEFAULT_SCOPES, AccountService, IssuedToken
from tasks.errors import AccountNotFound, ScopeMissing, ValidationFailed
from tasks.principal import ADMIN, Principal


class TokenService:
    """Tokens through the eyes of their owner.

    A token that leaked must not be able to make itself successors, so all of this takes a web
    session, or a token with the scope `admin`.
    """

    def __init__(self, accounts: AccountService) -> None:
        self._accounts = accounts

    async def tokens(self, principal: Principal) -> list[models.ApiToken]:
        """Return the principal's tokens, oldest first, revoked ones included.

        Raises:
            ScopeMissing: The credential may not manage tokens.
        """
        _require(principal)
        return await self._accounts.tokens(principal.user_id)

    async def create(
        self,
        principal: Principal,
        name: str,
        *,
        scopes: Collection[str] = DEFAULT_SCOPES,
        expires_at: datetime | None = None,
    ) -> IssuedToken:
        """Create a token that may do no more than the credential it is made with.

        Raises:
            ScopeMissing: The credential may not manage tokens.
            ValidationFailed: The name, a scope or the expiry is none.
        """
        _require(principal)
        beyond = [scope for scope in scopes if scope not in principal.scopes]
        if beyond:
            sentence = f"You cannot grant {', '.join(beyond)}, which you do not have yourself."
            raise ValidationFailed({"scopes": [sentence]})
        return await self._accounts.create_token(
            principal.user_id, name, scopes=scopes, expires_at=expires_at
        )

    async def revoke(self, principal: Principal, token_id: int) -> models.ApiToken:
        """Revoke one of the principal's tokens; a second time changes nothing.

        Raises:
            ScopeMissing: The credential may not manage tokens.
            AccountNotFound: They have no such token.
        """
        _require(principal)
        mine = await self._accounts.tokens(principal.user_id)
        if token_id not in {token.id for token in mine}:
            raise AccountNotFound(f"There is no token {token_id}.")
        return await self._accounts.revoke_token(token_id)


def _require(principal: Principal) -> None:
    if not principal.via_session and ADMIN not in principal.scopes:
        raise ScopeMissing(ADMIN)
