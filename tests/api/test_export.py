"""Exports: both formats, at any status, in bounded memory, to the end or visibly not."""

import asyncio
import csv
import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import httpx2
import orjson
import pytest
from starlette.types import ASGIApp, Message

from tasks import models
from tasks.database import Database
from tasks.export import BATCH, ExportBroken, ExportService
from tasks.principal import RESULTS_READ, Principal
from tests.api.conftest import NOT_FOUND, Sample, Worker, assert_invalid, create

LARGE = 100_000


async def push(client: httpx2.AsyncClient, posts: list[dict[str, Any]], *, finish: bool) -> int:
    """Create a task of our own posts, and send them."""
    task = await create(client, group_id="push:mine", max_posts=500)
    sent = {"posts": posts, "finish": finish}
    answer = await client.post(f"/api/tasks/{task}/posts", json=sent)
    assert answer.status_code == 200, answer.text
    return task


async def jsonl(client: httpx2.AsyncClient, task: int) -> tuple[list[Any], dict[str, Any]]:
    """Export as JSON Lines; returns the posts and the mark."""
    answer = await client.get(f"/api/tasks/{task}/export")
    assert answer.status_code == 200, answer.text
    *posts, last = [orjson.loads(line) for line in answer.content.splitlines()]
    return posts, last["export"]


async def rows(client: httpx2.AsyncClient, task: int) -> list[dict[str, str]]:
    """Export as CSV; returns the rows as a strict reader sees them."""
    answer = await client.get(f"/api/tasks/{task}/export", params={"format": "csv"})
    assert answer.status_code == 200, answer.text
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def test_jsonl_has_a_post_a_line_and_ends_with_the_mark(
    client: httpx2.AsyncClient, worker: Worker
) -> None:
    """What the source did not tell is null, and the last line says that nothing is missing."""
    task = await create(client)
    await worker.complete(posts=3)

    posts, mark = await jsonl(client, task)

    assert posts[0] == {
        "id": "post_0",
        "message": "Sample post content",
        "author": "John Doe",
        "url": None,
        "created_time": "2024-01-01T09:00:00Z",
        "likes": 25,
        "comments": 5,
        "shares": 2,
    }
    assert posts[1] == {**dict.fromkeys(posts[0]), "id": "post_1"}
    assert [post["id"] for post in posts] == ["post_0", "post_1", "post_2"]
    assert mark == {
        "task_id": task,
        "group_id": "123456789",
        "status": "completed",
        "stop_reason": "end_of_source",
        "posts": 3,
        "complete": False,  # the worker of this test leaves an open receipt
    }


async def test_the_headers_name_the_file_and_say_how_complete_it_is(
    client: httpx2.AsyncClient,
) -> None:
    """A CSV has no place for the mark, so it stands beside it, and in the file's name."""
    whole = await push(client, [{"id": "a"}], finish=True)
    part = await push(client, [{"id": "a"}], finish=False)

    found = {
        task: (await client.get(f"/api/tasks/{task}/export", params={"format": "csv"})).headers
        for task in (whole, part)
    }

    assert found[whole]["content-disposition"] == f'attachment; filename="sluice-task-{whole}.csv"'
    assert found[whole]["sluice-complete"] == "true"
    assert (found[whole]["sluice-status"], found[whole]["sluice-posts"]) == ("completed", "1")
    assert found[part]["content-disposition"].endswith(f'"sluice-task-{part}-partial.csv"')
    assert (found[part]["sluice-status"], found[part]["sluice-complete"]) == ("processing", "false")
    assert found[part]["content-type"] == "text/csv; charset=utf-8; header=present"
    assert found[part]["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["jsonl", "csv"])
async def test_every_status_can_be_exported(
    client: httpx2.AsyncClient, worker: Worker, name: str
) -> None:
    """Whatever was collected is there to take, also before and without a good end."""
    seen: list[tuple[str, str]] = []

    async def note(task: int) -> None:
        answer = await client.get(f"/api/tasks/{task}/export", params={"format": name})
        assert answer.status_code == 200
        seen.append((answer.headers["sluice-status"], answer.headers["sluice-posts"]))

    task = await create(client)
    await note(task)
    claim = await worker.start()
    await note(task)
    await client.delete(f"/api/tasks/{claim.task.id}")
    failed = await create(client)
    await worker.fail(posts=2)
    await note(failed)

    assert seen == [("pending", "0"), ("processing", "0"), ("failed", "2")]


async def test_csv_survives_every_text(client: httpx2.AsyncClient) -> None:
    """Quotes, commas, both line ends, other scripts and 100 KB words come back as they were."""
    texts = ['"a", b', "one\ntwo\r\nthree", "שלום \u202eabc", "x" * 65_536, "a\u200bb", "", "né"]
    task = await push(
        client, [{"id": f"p{i}", "message": text} for i, text in enumerate(texts)], finish=True
    )

    found = await rows(client, task)

    assert [row["message"] for row in found] == texts
    assert list(found[0]) == [
        *("id", "message", "author", "url"),
        *("created_time", "likes", "comments", "shares"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://evil.example","win")',
        "+1+1",
        "-1+1",
        "@SUM(A1:A9)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1+1",
        "\uff1d1+1",
    ],
)
async def test_a_spreadsheet_meets_no_formula(
    client: httpx2.AsyncClient, worker: Worker, text: str
) -> None:
    """A text that would be taken for one gets an apostrophe; other texts and numbers get none."""
    task = await create(client)
    await worker.complete_with([Sample(id=text, message=text, author=text, url="u", likes=-7)])

    (row,) = await rows(client, task)
    (post,), _ = await jsonl(client, task)

    assert [row[name] for name in ("id", "message", "author")] == [f"'{text}"] * 3
    assert (row["url"], row["likes"]) == ("u", "-7")
    assert post["message"] == text


async def test_csv_begins_with_a_byte_order_mark(client: httpx2.AsyncClient) -> None:
    """Excel takes UTF-8 for another encoding without it."""
    task = await push(client, [{"id": "a"}], finish=True)

    answer = await client.get(f"/api/tasks/{task}/export", params={"format": "csv"})

    assert answer.content.startswith(b"\xef\xbb\xbfid,message,")
    assert answer.content.endswith(b"\r\n")


async def test_an_unknown_format_is_refused(client: httpx2.AsyncClient) -> None:
    """The refusal says which there are."""
    task = await create(client)

    answer = await client.get(f"/api/tasks/{task}/export", params={"format": "xlsx"})

    assert_invalid(answer, {"format": ["The format is 'xlsx'; it must be jsonl or csv."]})


async def test_a_task_that_is_not_there_is_not_found(client: httpx2.AsyncClient) -> None:
    """As everywhere else."""
    answer = await client.get("/api/tasks/999/export")

    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


async def test_head_answers_the_headers_alone(client: httpx2.AsyncClient) -> None:
    """Whoever wants to know how complete an export would be need not take it."""
    task = await push(client, [{"id": "a"}], finish=True)

    answer = await client.head(f"/api/tasks/{task}/export", params={"format": "csv"})

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["sluice-posts"] == "1"
    assert answer.headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize("name", ["jsonl", "csv"])
async def test_fifty_megabytes_take_bounded_memory(
    app: ASGIApp, client: httpx2.AsyncClient, token: str, worker: Worker, name: str
) -> None:
    """500 posts of 100 KB pass through a few megabytes."""
    task = await create(client, max_posts=500)
    await worker.complete_with([Sample(id=f"p{i}", message="x" * LARGE) for i in range(500)])
    path, size = f"/api/tasks/{task}/export", 0

    async def count(message: Message) -> None:
        nonlocal size
        size += len(message.get("body", b""))

    tracemalloc.start()
    try:
        await app(_scope(path, token, f"format={name}".encode()), _connected, count)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size > 500 * LARGE
    assert peak < size / 3


async def test_a_client_that_leaves_ends_the_export(
    app: ASGIApp, client: httpx2.AsyncClient, token: str, worker: Worker
) -> None:
    """No more is read from the database for somebody who is gone, or who reads no further."""
    task = await create(client, max_posts=500)
    await worker.complete(posts=500)
    gone, sent = asyncio.Event(), 0

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal sent
        sent += len(message.get("body", b"").splitlines())
        if sent >= BATCH:
            gone.set()
            await asyncio.Event().wait()  # a full socket

    async with asyncio.timeout(10):
        await app(_scope(f"/api/tasks/{task}/export", token), receive, send)

    assert sent == BATCH


@pytest.mark.parametrize("how", ["reset", "delete"])
async def test_an_export_is_cut_off_when_its_posts_go(
    app: ASGIApp, client: httpx2.AsyncClient, token: str, worker: Worker, how: str
) -> None:
    """It has neither the mark nor an end, also if other posts stand at the same places by then."""
    task = await create(client, max_posts=500)
    await worker.complete(posts=3 * BATCH)
    body, ended = b"", False

    async def send(message: Message) -> None:
        nonlocal body, ended
        if message.get("body") and not body:
            if how == "reset":
                await client.post(f"/api/tasks/{task}/reset")
                await worker.complete(posts=3 * BATCH)
            else:
                await client.delete(f"/api/tasks/{task}")
        body += message.get("body", b"")
        ended = ended or (message["type"] == "http.response.body" and not message.get("more_body"))

    await app(_scope(f"/api/tasks/{task}/export", token), _connected, send)

    assert len(body.splitlines()) == BATCH
    assert b'"export"' not in body
    assert not ended


async def test_posts_that_come_meanwhile_stay_out(
    client: httpx2.AsyncClient, user: models.User, database: Database
) -> None:
    """An export holds what there was when it began, so that its mark is true."""
    task = await push(client, [{"id": f"p{i}"} for i in range(BATCH + 5)], finish=False)
    export = await ExportService(database).open(_reader(user), task)
    await client.post(f"/api/tasks/{task}/posts", json={"posts": [{"id": "late"}]})

    found = [post.post_id async for posts in export.batches() for post in posts]

    assert found == [f"p{i}" for i in range(BATCH + 5)]
    await client.delete(f"/api/tasks/{task}")
    with pytest.raises(ExportBroken):
        _ = [posts async for posts in export.batches()]


async def test_a_session_counts_for_our_own_pages_alone(
    build: Callable[..., ASGIApp], client: httpx2.AsyncClient, user: models.User
) -> None:
    """A link on our page carries the cookie and no token."""
    task = await push(client, [{"id": "a"}], finish=True)

    def sessions(app: ASGIApp) -> ASGIApp:
        async def signed_in(scope: Any, receive: Any, send: Any) -> None:
            if any(name == b"cookie" for name, _ in scope["headers"]):
                scope["state"]["principal"] = _reader(user)
            await app(scope, receive, send)

        return signed_in

    transport = httpx2.ASGITransport(app=build(sessions=sessions))
    headers = {"Cookie": "session=1"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://example.com") as browser:
        path = f"/api/tasks/{task}/export"
        own = await browser.get(path, headers={**headers, "Sec-Fetch-Site": "same-origin"})
        foreign = await browser.get(path, headers={**headers, "Sec-Fetch-Site": "cross-site"})
        nobody = await browser.get(path)

    assert [answer.status_code for answer in (own, foreign, nobody)] == [200, 403, 401]


def _reader(user: models.User) -> Principal:
    return Principal(user_id=user.id, scopes=frozenset({RESULTS_READ}), via_session=True)


def _scope(path: str, token: str, query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query,
        "headers": [(b"host", b"example.com"), (b"authorization", f"Bearer {token}".encode())],
        "scheme": "http",
        "root_path": "",
    }


async def _connected() -> Message:
    await asyncio.Event().wait()
    raise AssertionError
