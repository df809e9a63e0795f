import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers.conftest import RunTask, by_id, read, read_interrupted, running
from workers import errors
from workers.source import SourcePost
from workers.sources.bluesky import BlueskySource

POST = "app.bsky.feed.post"
MEMBERS = ("alice", "bob", "carla")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A Bluesky network, and what its accounts' own server holds: the truth of the tests."""

    seed: dict[str, Any]
    posts: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    likes: Counter[str] = field(default_factory=Counter[str])
    replies: Counter[str] = field(default_factory=Counter[str])
    reposts: Counter[str] = field(default_factory=Counter[str])
    reposted_by: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings that lead to it, with one account's login."""
        return {
            "bluesky_appview": self.seed["appview"],
            "bluesky_pds": self.seed["pds"],
            "bluesky_identifier": self.handle("alice"),
            "bluesky_app_password": self.seed["accounts"]["alice"]["password"],
        }

    @property
    def source(self) -> BlueskySource:
        """Return the source that reads it."""
        return BlueskySource(self.settings)

    def did(self, name: str) -> str:
        """Return an account's DID."""
        return self.seed["accounts"][name]["did"]

    def handle(self, name: str) -> str:
        """Return an account's handle."""
        return self.seed["accounts"][name]["handle"]

    def of(self, *names: str) -> set[str]:
        """Return the addresses of the posts of accounts."""
        dids = [self.did(name) for name in names]
        return {uri for uri in self.posts if uri.split("/")[2] in dids}

    def check(self, posts: dict[str, SourcePost]) -> None:
        """Compare texts, times' presence and counts with the truth."""
        for uri, post in posts.items():
            assert post.message == self.posts[uri]["text"]
            assert post.created_time is not None
            assert (post.likes, post.comments, post.shares) == (
                self.likes[uri],
                self.replies[uri],
                self.reposts[uri],
            )


def records(client: httpx2.Client, did: str, collection: str) -> Iterator[dict[str, Any]]:
    """Yield all records of an account."""
    params = {"repo": did, "collection": collection, "limit": "100"}
    while True:
        reply = client.get("com.atproto.repo.listRecords", params=params).raise_for_status().json()
        yield from reply["records"]
        if not (cursor := reply.get("cursor")):
            return
        params["cursor"] = cursor


def truth(seed: dict[str, Any]) -> Network:
    """Read what all accounts hold."""
    network = Network(seed=seed)
    with httpx2.Client(base_url=f"{seed['pds']}/xrpc/", timeout=60) as client:
        for account in seed["accounts"].values():
            did = account["did"]
            for record in records(client, did, POST):
                network.posts[record["uri"]] = record["value"]
                if reply := record["value"].get("reply"):
                    network.replies[reply["parent"]["uri"]] += 1
            for record in records(client, did, "app.bsky.feed.like"):
                network.likes[record["value"]["subject"]["uri"]] += 1
            for record in records(client, did, "app.bsky.feed.repost"):
                uri = record["value"]["subject"]["uri"]
                network.reposts[uri] += 1
                network.reposted_by.setdefault(did, set()).add(uri)
    return network


@pytest.fixture(scope="module")
def network(servers: Path) -> Iterator[Network]:
    """Start a network of 60 posts and their replies, likes and reposts."""
    environment = {"SEED_POSTS": "60"}
    with running(servers / "bluesky", ports=9, environment=environment) as server:
        yield truth(server.seed)


@pytest.fixture
async def members(network: Network) -> str:
    """Make a list of three accounts and return its address once the AppView knows them."""
    owner = network.did("dmitri")
    async with httpx2.AsyncClient(timeout=60) as client:

        async def post(method: str, body: dict[str, Any], token: str | None = None) -> Any:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            url = f"{network.seed['pds']}/xrpc/{method}"
            return (await client.post(url, json=body, headers=headers)).raise_for_status().json()

        account = network.seed["accounts"]["dmitri"]
        login = {"identifier": account["handle"], "password": account["password"]}
        session = await post("com.atproto.server.createSession", login)

        async def create(collection: str, record: dict[str, Any]) -> str:
            body = {
                "repo": owner,
                "collection": collection,
                "record": {**record, "$type": collection, "createdAt": "2026-01-01T00:00:00Z"},
            }
            return (await post("com.atproto.repo.createRecord", body, session["accessJwt"]))["uri"]

        purpose = "app.bsky.graph.defs#curatelist"
        uri = await create("app.bsky.graph.list", {"name": "Three", "purpose": purpose})
        for name in MEMBERS:
            item = {"list": uri, "subject": network.did(name)}
            await create("app.bsky.graph.listitem", item)

        url = f"{network.seed['appview']}/xrpc/app.bsky.graph.getList"
        async with asyncio.timeout(60):
            while True:
                reply = await client.get(url, params={"list": uri})
                if reply.is_success and len(reply.json()["items"]) == len(MEMBERS):
                    return uri
                await asyncio.sleep(0.2)


@pytest.mark.parametrize("name", ["alice", "bob", "carla", "newsdesk"])
async def test_an_accounts_posts_are_its_own(network: Network, name: str) -> None:
    """All of them and no others, with the counts that follow from everybody's records."""
    target = network.handle(name)

    whole = await read(network.source, target, max_posts=3)
    interrupted = await read_interrupted(network.source, target, max_posts=3)

    posts = by_id(whole)
    assert posts.keys() == network.of(name)
    assert by_id(interrupted) == posts
    assert {post.author for post in posts.values()} <= {target}
    network.check(posts)
    reposts = sum(page.skipped.get("repost", 0) for page in whole)
    assert reposts == len(network.reposted_by.get(network.did(name), set()) & network.posts.keys())


async def test_deleted_posts_are_absent(network: Network) -> None:
    """The server took one of bob's back."""
    posts = by_id(await read(network.source, network.handle("bob"), max_posts=100))

    assert network.seed["deleted"] not in posts


async def test_a_list_holds_its_members_posts(network: Network, members: str) -> None:
    """Their own, not what they reposted."""
    whole = by_id(await read(network.source, members, max_posts=7))
    interrupted = by_id(await read_interrupted(network.source, members, max_posts=7))

    assert whole.keys() == network.of(*MEMBERS)
    assert interrupted == whole
    network.check(whole)


async def test_a_custom_feed_holds_what_its_generator_chose(network: Network) -> None:
    """Here the posts with a hashtag, under the DID or the handle of the feed's owner."""
    expected = {
        uri
        for uri, post in network.posts.items()
        if "#election" in post["text"] and "reply" not in post
    }
    target = network.seed["feed"]
    by_handle = target.replace(network.did("newsdesk"), network.handle("newsdesk"))

    whole = by_id(await read(network.source, target, max_posts=4))
    interrupted = by_id(await read_interrupted(network.source, target, max_posts=4))
    named = by_id(await read(network.source, by_handle, max_posts=100))

    assert whole.keys() == expected
    assert interrupted == whole
    assert named == whole
    network.check(whole)


async def test_a_search_finds_what_was_written(network: Network) -> None:
    """Through the account's own server, with its login."""
    posts = by_id(await read(network.source, "search:confirm", max_posts=100))

    assert posts
    assert posts.keys() <= network.posts.keys()
    assert all("confirm" in (post.message or "") for post in posts.values())
    network.check(posts)


async def test_what_does_not_exist_is_named(network: Network) -> None:
    """An account, a list and a feed that nobody has."""
    did = network.did("quiet")

    for target in (
        "nobody.test",
        f"at://{did}/app.bsky.graph.list/none",
        f"at://{did}/app.bsky.feed.generator/none",
    ):
        with pytest.raises(errors.SourceNotFound):
            await read(network.source, target, max_posts=10)


async def test_a_silent_account_is_complete(network: Network, run_task: RunTask) -> None:
    """It exists and wrote nothing, which is no error."""
    group_id = f"bluesky:{network.handle('quiet')}"

    task, stored = await run_task(group_id, credentials=network.settings)

    assert stored == []
    assert task.stop_reason == "end_of_source"


async def test_tasks_end_with_all_of_it(network: Network, members: str, run_task: RunTask) -> None:
    """An account's, a list's and a feed's, as stored in the database."""
    alice = f"https://bsky.app/profile/{network.handle('alice')}"

    task, stored = await run_task(alice, credentials=network.settings)
    _, listed = await run_task(f"bluesky:{members}", credentials=network.settings)

    assert {post.post_id for post in stored} == network.of("alice")
    assert {post.post_id for post in listed} == network.of(*MEMBERS)
    for post in (*stored, *listed):
        uri = post.post_id
        counts = (network.likes[uri], network.replies[uri], network.reposts[uri])
        assert (post.likes, post.comments, post.shares) == counts
    assert task.receipt is not None
    assert task.receipt["complete"] is True
    assert task.receipt["auth_mode"] == "anonymous"
