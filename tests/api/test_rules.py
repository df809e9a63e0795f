"""What holds where the document is silent."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from tasks.work import WorkService
from tests.api.conftest import GROUP_ID, Worker, client_of, create

NOT_FOUND = {"status": "error", "message": "Task not found"}
LISTED_KEYS = [
    "id",
    "group_id",
    "group_name",
    "max_posts",
    "priority",
    "status",
    "created_at",
    "has_result",
    "posts_count",
]
CREATED_KEYS = LISTED_KEYS[:7]


def assert_invalid(answer: httpx2.Response, errors: dict[str, list[str]]) -> None:
    """Check the documented validation envelope."""
    expected = {"status": "error", "message": "Validation failed", "errors": errors}
    assert (answer.status_code, answer.json()) == (422, expected)


async def ids(client: httpx2.AsyncClient, **params: Any) -> list[int]:
    """List the ids of a page."""
    answer = await client.get("/api/tasks", params=params)
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json()["data"]]


@pytest.mark.parametrize(
    "task_id",
    [
        "999999",
        "0",
        "-1",
        "+1",
        "01",
        "abc",
        "1.0",
        "1e3",
        "9" * 19,
        "9" * 400,
        "%00",
        "%D9%A1",
        "1%20",
    ],
)
@pytest.mark.parametrize(
    ("method", "tail"),
    [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/reset"), ("GET", "/result")],
)
async def test_an_id_that_is_none_is_not_found(
    client: httpx2.AsyncClient, task_id: str, method: str, tail: str
) -> None:
    """Unknown, non-numeric and out of range are the same to a client."""
    answer = await client.request(method, f"/api/tasks/{task_id}{tail}")

    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/nothing", "/api/tasks/1/posts", "/api/tasks/1/2/3", "/api//tasks"],
)
async def test_an_unknown_path_is_not_found(
    client: httpx2.AsyncClient, method: str, path: str
) -> None:
    """A path that nothing answers is 404 for every method."""
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()) == (404, {"message": "Not found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/tasks", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", "/api/tasks", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/api/tasks/1", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("GET", "/api/tasks/1/reset", "OPTIONS, POST"),
        ("HEAD", "/api/tasks/1/reset", "OPTIONS, POST"),
        ("POST", "/api/tasks/1/result", "GET, HEAD, OPTIONS"),
        ("BREW", "/api/tasks", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_a_wrong_method_is_refused_in_json(
    client: httpx2.AsyncClient, method: str, path: str, allowed: str
) -> None:
    """405, with the methods that would be right."""
    answer = await client.request(method, path, headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["content-type"] == "application/json"
    if method != "HEAD":
        assert answer.json() == {"status": "error", "message": "Method not allowed"}


async def test_a_slash_at_the_end_changes_nothing(client: httpx2.AsyncClient) -> None:
    """The original framework takes it off; nobody is redirected."""
    task = await create(client)

    shown = await client.get(f"/api/tasks/{task}/")

    assert shown.json() == (await client.get(f"/api/tasks/{task}")).json()
    assert (await client.get("/api/tasks/")).json()["meta"]["total"] == 1


async def test_the_list_has_the_documented_keys_alone(
    client: httpx2.AsyncClient, worker: Worker
) -> None:
    """A task that has not ended has no result and no posts yet."""
    await create(client)
    await worker.start()

    body = (await client.get("/api/tasks")).json()

    assert list(body) == ["status", "data", "meta", "links"]
    assert list(body["data"][0]) == LISTED_KEYS
    assert (body["data"][0]["has_result"], body["data"][0]["posts_count"]) == (False, 0)


async def test_a_created_task_has_the_documented_keys_alone(client: httpx2.AsyncClient) -> None:
    """Creating and updating answer with the same seven keys, the time as documented."""
    created = await client.post("/api/tasks", json={"group_id": GROUP_ID, "max_posts": 1})
    data = created.json()["data"]
    updated = await client.put(f"/api/tasks/{data['id']}", json={})

    assert list(data) == CREATED_KEYS
    assert updated.json() == {
        "status": "success",
        "message": "Task updated successfully",
        "data": data,
    }
    assert datetime.strptime(data["created_at"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - Z is in it


@pytest.mark.parametrize("state", ["pending", "assigned", "processing", "completed", "failed"])
async def test_only_a_pending_task_can_be_updated(
    client: httpx2.AsyncClient, worker: Worker, state: str
) -> None:
    """In every other status nothing changes, and the answer says why."""
    task = await create(client)
    await into(worker, state)

    answer = await client.put(f"/api/tasks/{task}", json={"priority": 9})

    if state == "pending":
        assert answer.json()["data"]["priority"] == 9
    else:
        assert_invalid(answer, {"status": ["Only pending tasks can be updated."]})
        shown = (await client.get(f"/api/tasks/{task}")).json()["data"]
        assert (shown["status"], shown["priority"]) == (state, 0)


@pytest.mark.parametrize("state", ["pending", "assigned", "processing", "completed", "failed"])
async def test_only_an_ended_task_can_be_reset(
    client: httpx2.AsyncClient, worker: Worker, state: str
) -> None:
    """Completed and failed tasks start again; the others are left alone."""
    task = await create(client)
    await into(worker, state)

    answer = await client.post(f"/api/tasks/{task}/reset")

    if state in ("completed", "failed"):
        assert answer.json()["message"] == "Task reset successfully"
        assert await status_of(client, task) == "pending"
    else:
        assert_invalid(answer, {"status": ["Only completed or failed tasks can be reset."]})
        assert await status_of(client, task) == state


async def test_an_update_that_races_with_the_worker_has_one_outcome(
    client: httpx2.AsyncClient, work: WorkService
) -> None:
    """Either the worker gets the changed task, or the client is refused; never both."""
    for _ in range(10):
        task = await create(client)

        answer, claim = await asyncio.gather(
            client.put(f"/api/tasks/{task}", json={"max_posts": 7}), work.claim("worker-1")
        )

        assert claim is not None
        if answer.status_code == 200:
            assert claim.task.max_posts == 7
        else:
            assert_invalid(answer, {"status": ["Only pending tasks can be updated."]})
            assert claim.task.max_posts == 100


async def into(worker: Worker, state: str) -> None:
    """Take the only task to a status."""
    if state == "assigned":
        await worker.assign()
    elif state == "processing":
        await worker.start()
    elif state == "completed":
        await worker.complete()
    elif state == "failed":
        await worker.fail()


async def status_of(client: httpx2.AsyncClient, task: int) -> str:
    """Return a task's status."""
    return (await client.get(f"/api/tasks/{task}")).json()["data"]["status"]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("status=done", {"status": ["The selected status is invalid."]}),
        ("sort_by=id", {"sort_by": ["The selected sort by is invalid."]}),
        ("sort_order=up", {"sort_order": ["The selected sort order is invalid."]}),
        ("per_page=0", {"per_page": ["The per page field must be at least 1."]}),
        ("per_page=101", {"per_page": ["The per page field must not be greater than 100."]}),
        ("per_page=x", {"per_page": ["The per page field must be an integer."]}),
        ("per_page=1.5", {"per_page": ["The per page field must be an integer."]}),
        ("page=0", {"page": ["The page field must be at least 1."]}),
        ("page=-1", {"page": ["The page field must be at least 1."]}),
        ("page=" + "9" * 5000, {"page": ["The page field must be an integer."]}),
        ("page=%00", {"page": ["The page field must be an integer."]}),
        ("page=%FF", {"page": ["The page field must be an integer."]}),
        (
            "status=x&page=y",
            {
                "status": ["The selected status is invalid."],
                "page": ["The page field must be an integer."],
            },
        ),
    ],
)
async def test_bad_parameters_are_named(
    client: httpx2.AsyncClient, query: str, errors: dict[str, list[str]]
) -> None:
    """Each is refused with a sentence, all at once."""
    assert_invalid(await client.get(f"/api/tasks?{query}"), errors)


async def test_a_list_can_be_filtered_by_status(client: httpx2.AsyncClient, worker: Worker) -> None:
    """Each status lists its own, `all` and nothing list everything."""
    done = await create(client)
    await worker.complete()
    failed = await create(client)
    await worker.fail()
    waiting = await create(client)

    assert await ids(client, status="completed") == [done]
    assert await ids(client, status="failed") == [failed]
    assert await ids(client, status="pending") == [waiting]
    assert await ids(client, status="assigned") == []
    assert await ids(client, status="all") == [waiting, failed, done]
    assert await ids(client, status="") == [waiting, failed, done]


async def test_ties_are_broken_by_the_newest_in_every_order(client: httpx2.AsyncClient) -> None:
    """Among equals the newest is first, so the pages of an unchanged list never overlap."""
    low = [await create(client, priority=1) for _ in range(5)]
    high = [await create(client, priority=2) for _ in range(5)]
    newest_first = [*reversed(high), *reversed(low)]

    assert await ids(client) == newest_first
    assert await ids(client, sort_order="asc") == [*low, *high]
    assert await ids(client, sort_by="priority") == newest_first
    assert await ids(client, sort_by="priority", sort_order="asc") == [
        *reversed(low),
        *reversed(high),
    ]
    assert await ids(client, sort_by="status", sort_order="asc") == newest_first
    for sort_by in ("created_at", "status", "priority"):
        for sort_order in ("asc", "desc"):
            order = {"sort_by": sort_by, "sort_order": sort_order, "per_page": 3}
            pages = [await ids(client, page=page, **order) for page in (1, 2, 3, 4)]
            assert sorted(task for page in pages for task in page) == sorted(newest_first)


async def test_pages_link_to_each_other(client: httpx2.AsyncClient) -> None:
    """Links are absolute and keep the other parameters."""
    for _ in range(5):
        await create(client)
    query = {"status": "pending", "per_page": "2", "page": "2", "mine": "a b&c=ü"}

    body = (await client.get("/api/tasks", params=query)).json()

    base = "http://example.com/api/tasks?status=pending&per_page=2&mine=a+b%26c%3D%C3%BC&page="
    assert body["meta"] == {"total": 5, "per_page": 2, "current_page": 2, "last_page": 3}
    assert body["links"] == {
        "first": f"{base}1",
        "last": f"{base}3",
        "prev": f"{base}1",
        "next": f"{base}3",
    }
    following = (await client.get(body["links"]["next"])).json()
    assert (following["meta"]["current_page"], len(following["data"])) == (3, 1)
    assert following["links"]["next"] is None


async def test_an_empty_list_has_one_page(client: httpx2.AsyncClient) -> None:
    """`last_page` is 1, and there is nothing before or after."""
    body = (await client.get("/api/tasks")).json()

    assert body == {
        "status": "success",
        "data": [],
        "meta": {"total": 0, "per_page": 15, "current_page": 1, "last_page": 1},
        "links": {
            "first": "http://example.com/api/tasks?page=1",
            "last": "http://example.com/api/tasks?page=1",
            "prev": None,
            "next": None,
        },
    }


@pytest.mark.parametrize("page", [3, 2**53])
async def test_a_page_past_the_end_is_empty(client: httpx2.AsyncClient, page: int) -> None:
    """It is no error; its `prev` leads back to the last page."""
    await create(client)
    await create(client)

    body = (await client.get("/api/tasks", params={"per_page": 1, "page": page})).json()

    assert body["data"] == []
    assert body["meta"] == {"total": 2, "per_page": 1, "current_page": page, "last_page": 2}
    assert body["links"]["next"] is None
    assert body["links"]["prev"] == "http://example.com/api/tasks?per_page=1&page=2"


@pytest.mark.parametrize("host", ["shop.example:8443", "[2001:db8::1]:80", "10.0.0.7"])
async def test_links_are_on_the_address_that_the_client_used(
    client: httpx2.AsyncClient, host: str
) -> None:
    """As `Host` says it, port included."""
    body = (await client.get("/api/tasks", headers={"Host": host})).json()

    assert body["links"]["first"] == f"http://{host}/api/tasks?page=1"


@pytest.mark.parametrize("host", ["a/b?c#d", 'x"><script>', "a b", ""])
async def test_a_host_that_is_none_stays_out_of_links(
    client: httpx2.AsyncClient, host: str
) -> None:
    """What is no name is not repeated."""
    body = (await client.get("/api/tasks", headers={"Host": host})).json()

    assert body["links"]["first"] == "http://example.com/api/tasks?page=1"


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"group_id": "bare"}, "Set SLUICE_DEFAULT_PLATFORM to use a bare group id."),
        (
            {"group_id": "mastodn:example.org/#python"},
            "There is no platform mastodn; did you mean mastodon?",
        ),
        ({"group_id": "facebook:1"}, "Facebook closed its groups API; use push instead."),
    ],
)
async def test_a_target_that_leads_nowhere_is_named(
    client: httpx2.AsyncClient, fields: dict[str, str], errors: str
) -> None:
    """The sentence says the setting, the suggestion or the way out."""
    answer = await client.post("/api/tasks", json={"max_posts": 1, **fields})

    assert_invalid(answer, {"group_id": [errors]})
    assert await ids(client) == []


async def test_all_failing_fields_are_answered_at_once(client: httpx2.AsyncClient) -> None:
    """With the original framework's sentences."""
    answer = await client.post(
        "/api/tasks", json={"group_name": 5, "max_posts": 501, "priority": 2**31}
    )

    assert_invalid(
        answer,
        {
            "group_id": ["The group id field is required."],
            "group_name": ["The group name field must be a string."],
            "max_posts": ["The max posts field must not be greater than 500."],
            "priority": ["The priority field must not be greater than 2147483647."],
        },
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"group_id": "a\0b"},
        {"group_id": "x" * 2049},
        {"group_name": "x" * 256},
        {"group_name": "a\0"},
        {"priority": -(2**31) - 1},
        {"priority": 2**40},
        {"priority": 2**70},
        {"priority": 1.5},
        {"priority": True},
        {"max_posts": [1]},
        {"max_posts": {"a": 1}},
    ],
)
async def test_what_the_database_cannot_hold_is_refused(
    client: httpx2.AsyncClient, fields: dict[str, Any]
) -> None:
    """422 on the field, never 500."""
    body = {"group_id": GROUP_ID, "max_posts": 1, **fields}

    answer = await client.post("/api/tasks", json=body)

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == list(fields)


async def test_numbers_may_be_texts_and_ids_numbers(client: httpx2.AsyncClient) -> None:
    """As the original framework takes them; they are answered in the documented types."""
    answer = await client.post(
        "/api/tasks", json={"group_id": 123456789, "max_posts": "100", "priority": "-3"}
    )

    data = answer.json()["data"]
    assert (data["group_id"], data["max_posts"], data["priority"]) == ("123456789", 100, -3)


@pytest.mark.parametrize("absent", [{}, {"priority": None, "group_name": None}])
async def test_absent_and_null_are_the_defaults(
    client: httpx2.AsyncClient, absent: dict[str, None]
) -> None:
    """Priority 0, no name."""
    body = {"group_id": GROUP_ID, "max_posts": 1, **absent}

    data = (await client.post("/api/tasks", json=body)).json()["data"]

    assert (data["priority"], data["group_name"]) == (0, None)


async def test_the_extremes_are_kept(client: httpx2.AsyncClient) -> None:
    """Limits are inclusive, and text is text."""
    body = {
        "group_id": "sandbox:" + "ü" * 2040,
        "group_name": "🐘" * 255,
        "max_posts": 500,
        "priority": -(2**31),
    }

    answer = await client.post("/api/tasks", json=body)

    assert answer.status_code == 201
    data = answer.json()["data"]
    assert {key: data[key] for key in body} == body
    shown = (await client.get(f"/api/tasks/{data['id']}")).json()["data"]
    assert {key: shown[key] for key in body} == body


async def test_an_update_changes_the_given_fields_alone(client: httpx2.AsyncClient) -> None:
    """Null clears the name and sets the priority to 0; the rest stays."""
    task = await create(client, group_name="Name", priority=4)

    first = (await client.put(f"/api/tasks/{task}", json={"max_posts": "150"})).json()["data"]
    nulls = {"group_name": None, "priority": None}
    second = (await client.put(f"/api/tasks/{task}", json=nulls)).json()["data"]

    assert (first["group_name"], first["max_posts"], first["priority"]) == ("Name", 150, 4)
    assert (second["group_name"], second["max_posts"], second["priority"]) == (None, 150, 0)
    refused = await client.put(f"/api/tasks/{task}", json={"max_posts": None, "priority": "x"})
    assert_invalid(
        refused,
        {
            "max_posts": ["The max posts field must be an integer."],
            "priority": ["The priority field must be an integer."],
        },
    )


async def test_unknown_and_server_owned_fields_are_ignored(client: httpx2.AsyncClient) -> None:
    """A client cannot complete a task by saying so, nor move it to another group."""
    task = await create(client, id=999, status="completed", user_id=7, colour="red")

    changed = await client.put(
        f"/api/tasks/{task}", json={"group_id": "other", "status": "failed", "id": 5}
    )

    data = changed.json()["data"]
    assert (data["id"], data["group_id"], data["status"]) == (task, GROUP_ID, "pending")


async def test_a_failed_task_has_no_result(client: httpx2.AsyncClient, worker: Worker) -> None:
    """Also when it collected posts before it failed."""
    task = await create(client)
    await worker.fail(posts=3)

    shown = (await client.get(f"/api/tasks/{task}")).json()["data"]
    listed = (await client.get("/api/tasks")).json()["data"][0]
    result = await client.get(f"/api/tasks/{task}/result")

    assert (shown["status"], shown["result"]) == ("failed", None)
    assert shown["completed_at"] is not None
    assert (listed["has_result"], listed["posts_count"]) == (False, 0)
    expected = {"message": "No result available for this task"}
    assert (result.status_code, result.json()) == (404, expected)


@pytest.mark.parametrize("state", ["pending", "assigned", "processing"])
async def test_an_unfinished_task_has_no_result(
    client: httpx2.AsyncClient, worker: Worker, state: str
) -> None:
    """`completed_at` and `result` are null, `/result` is 404."""
    task = await create(client)
    await into(worker, state)

    shown = (await client.get(f"/api/tasks/{task}")).json()["data"]

    assert list(shown) == [*CREATED_KEYS, "completed_at", "result"]
    assert (shown["status"], shown["completed_at"], shown["result"]) == (state, None, None)
    assert (await client.get(f"/api/tasks/{task}/result")).status_code == 404


async def test_what_a_post_does_not_say_is_empty(
    client: httpx2.AsyncClient, worker: Worker
) -> None:
    """Unknown numbers are 0, unknown texts empty; the order is that of the source."""
    task = await create(client)
    await worker.complete(posts=3)

    body = (await client.get(f"/api/tasks/{task}/result")).json()

    assert [post["id"] for post in body["posts"]] == ["post_0", "post_1", "post_2"]
    assert body["posts"][1] == {
        "id": "post_1",
        "message": "",
        "author": "",
        "created_time": None,
        "likes": 0,
        "comments": 0,
        "shares": 0,
    }
    assert body["result"]["posts_count"] == 3
    listed = (await client.get("/api/tasks")).json()["data"][0]
    assert (listed["has_result"], listed["posts_count"]) == (True, 3)


async def test_a_reset_starts_from_scratch(client: httpx2.AsyncClient, worker: Worker) -> None:
    """The result is gone until there is a new one."""
    task = await create(client)
    await worker.complete(posts=3)

    await client.post(f"/api/tasks/{task}/reset")

    shown = (await client.get(f"/api/tasks/{task}")).json()["data"]
    assert (shown["completed_at"], shown["result"]) == (None, None)
    await worker.complete(posts=2)
    assert len((await client.get(f"/api/tasks/{task}/result")).json()["posts"]) == 2


@pytest.mark.parametrize("state", ["pending", "assigned", "processing", "completed", "failed"])
async def test_any_task_can_be_deleted_at_once(
    client: httpx2.AsyncClient, worker: Worker, state: str
) -> None:
    """Also while a worker holds it."""
    task = await create(client)
    await into(worker, state)

    answer = await client.delete(f"/api/tasks/{task}")

    assert (answer.status_code, answer.json()) == (200, {"message": "Task deleted successfully"})
    again = await client.delete(f"/api/tasks/{task}")
    assert (again.status_code, again.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("path", ["/api/tasks", "/api/tasks/{id}", "/api/openapi.json", "/docs"])
async def test_head_is_get_without_the_body(client: httpx2.AsyncClient, path: str) -> None:
    """The same status and headers, the length included."""
    path = path.format(id=await create(client))

    head, get = await client.head(path), await client.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_head_of_what_is_not_there_has_no_body_either(client: httpx2.AsyncClient) -> None:
    """Errors too are answered as to GET."""
    for path in ("/api/tasks/999", "/api/nothing"):
        head = await client.head(path)

        assert (head.status_code, head.content) == (404, b"")


async def test_options_says_which_methods_there_are(client: httpx2.AsyncClient) -> None:
    """Without CORS it says no more than that."""
    answer = await client.options("/api/tasks")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_repeated_key_gives_the_first_answer_again(client: httpx2.AsyncClient) -> None:
    """The same key and body create once, also when the first answer was lost on the way."""
    body = {"group_id": GROUP_ID, "max_posts": 5}
    key = {"Idempotency-Key": "order 7"}

    first = await client.post("/api/tasks", json=body, headers=key)
    again = await client.post(
        "/api/tasks", content=b'{"max_posts": 5, "group_id": "123456789"}', headers=key
    )

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert len(await ids(client)) == 1


async def test_concurrent_repeats_create_once(client: httpx2.AsyncClient) -> None:
    """A client that is too impatient still has one task."""
    body = {"group_id": GROUP_ID, "max_posts": 5}
    key = {"Idempotency-Key": "k"}

    answers = await asyncio.gather(
        *(client.post("/api/tasks", json=body, headers=key) for _ in range(5))
    )

    assert {answer.json()["data"]["id"] for answer in answers} == set(await ids(client))
    assert {answer.status_code for answer in answers} == {201}


async def test_a_key_with_another_body_is_refused(client: httpx2.AsyncClient) -> None:
    """A key names one request."""
    key = {"Idempotency-Key": "k"}
    await client.post("/api/tasks", json={"group_id": GROUP_ID, "max_posts": 5}, headers=key)

    other = {"group_id": GROUP_ID, "max_posts": 6}
    answer = await client.post("/api/tasks", json=other, headers=key)

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["idempotency_key"]
    assert len(await ids(client)) == 1


async def test_the_same_key_of_another_user_is_another_key(
    client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    """Keys belong to their user."""
    key = {"Idempotency-Key": "k"}
    await client.post("/api/tasks", json={"group_id": GROUP_ID, "max_posts": 5}, headers=key)

    theirs = {"group_id": GROUP_ID, "max_posts": 6}
    answer = await stranger.post("/api/tasks", json=theirs, headers=key)

    assert answer.status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_bad_key_is_refused(client: httpx2.AsyncClient, key: str) -> None:
    """It is stored, so it has a length and an alphabet."""
    body = {"group_id": GROUP_ID, "max_posts": 5}

    answer = await client.post("/api/tasks", json=body, headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["idempotency_key"]


async def test_a_mounted_application_links_below_its_mount(app: ASGIApp, token: str) -> None:
    """A path prefix that the server takes off is in the links, and authentication still holds."""
    async with client_of(app, token, root_path="/collector") as client:
        body = (await client.get("/collector/api/tasks")).json()
    async with client_of(app, root_path="/collector") as anonymous:
        refused = await anonymous.get("/collector/api/tasks")

    assert body["links"]["first"] == "http://example.com/collector/api/tasks?page=1"
    assert refused.status_code == 401


async def test_a_task_waits_no_time_to_be_listed(client: httpx2.AsyncClient) -> None:
    """What was created is in the very next list, with its creation's time."""
    created = await client.post("/api/tasks", json={"group_id": GROUP_ID, "max_posts": 1})

    listed = (await client.get("/api/tasks")).json()["data"][0]

    assert listed["created_at"] == created.json()["data"]["created_at"]
    age = datetime.now().astimezone() - datetime.fromisoformat(listed["created_at"])
    assert abs(age) < timedelta(minutes=1)
