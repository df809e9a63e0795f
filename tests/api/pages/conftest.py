"""A browser in front of the whole application."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from api.limit import ProcessCounter
from sluice.app import build
from sluice.instruments import new_metrics
from sluice.services import open_services
from sluice.settings import Settings
from tasks import models
from tasks.accounts import AccountService
from tasks.ports import Sleeper
from tests.browser import Browser

PASSWORD = "correct horse battery"


@pytest.fixture
def backend() -> str:
    """Stay on SQLite: what pages ask of the database is tested on both beside the services."""
    return "sqlite"


@pytest.fixture
async def ada(accounts: AccountService) -> models.User:
    """Return a user with a password."""
    return await accounts.create_user("ada@example.org", password=PASSWORD)


@pytest.fixture
def settings() -> dict[str, Any]:
    """Return the settings that the test wants otherwise; override it."""
    return {}


@pytest.fixture
async def app(database_url: str, settings: dict[str, Any]) -> AsyncIterator[ASGIApp]:
    """Return the whole application on the test's database."""
    loaded = Settings(
        database_url=database_url, secret_key="a secret of the tests, which is long", **settings
    )
    async with open_services(loaded, waker=Sleeper()) as services:
        yield build(loaded, services, counter=ProcessCounter(), metrics=new_metrics())


@pytest.fixture
async def open_browser(app: ASGIApp) -> AsyncIterator[Callable[..., Browser]]:
    """Return what opens browsers, each with cookies of its own."""
    opened: list[Browser] = []

    def call(address: str = "http://example.com", **headers: str) -> Browser:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        client = httpx2.AsyncClient(
            transport=transport,
            base_url=address,
            headers={"accept": "text/html,*/*;q=0.8", **headers},
        )
        opened.append(Browser(client))
        return opened[-1]

    yield call
    for browser in opened:
        await browser.client.aclose()


@pytest.fixture
def browser(open_browser: Callable[..., Browser]) -> Browser:
    """Return a browser in which nobody has signed in."""
    return open_browser()


async def sign_in(browser: Browser, email: str = "ada@example.org") -> None:
    """Sign in by the form, and stay where that leads."""
    await browser.open("/sign-in?next=/profile")
    await browser.send("/sign-in", email=email, password=PASSWORD)
    assert browser.path == "/profile"
