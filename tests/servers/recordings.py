"""Real replies of platforms, recorded by other projects' tests.

They hold posts of real people, so none of them is in this repository. `SLUICE_TEST_RECORDED`
names the folder in which they lie, one folder a platform; without it these tests are skipped,
unless a folder `recorded` lies beside the one that `SLUICE_TEST_SERVERS` names.

What is expected of them is worked out by the tests in another way than the sources do.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import yaml

from tests.sources.contract import run
from workers.source import Page, Source, SourcePost, Walk

VARIABLE = "SLUICE_TEST_RECORDED"
BESIDE = Path(os.environ.get("SLUICE_TEST_SERVERS", "servers")).resolve().parent / "recorded"
FOLDER = Path(os.environ.get(VARIABLE, BESIDE))

#: For a module whose tests all read recordings.
needed = [
    pytest.mark.servers,
    pytest.mark.skipif(
        not (FOLDER / "MANIFEST.md").exists(), reason=f"{VARIABLE} names no recordings"
    ),
]


def files(platform: str, pattern: str) -> list[Path]:
    """Return a platform's files whose path ends as `pattern` says; in order."""
    return sorted((FOLDER / platform).glob(f"**/{pattern}"))


def load(platform: str, pattern: str) -> Any:
    """Read the one JSON file that fits."""
    (path,) = files(platform, pattern)
    return json.loads(path.read_text(encoding="utf-8"))


def require_whole(pages: Sequence[Page]) -> list[SourcePost]:
    """Return the posts of all pages, each of which has an id, a text, an author and a time."""
    posts = [post for page in pages for post in page.posts]
    assert posts
    for post in posts:
        assert post.id
        assert post.message
        assert post.author
        assert post.created_time
        assert post.created_time.tzinfo
    return posts


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded call and its reply."""

    name: str
    url: str
    reply: httpx2.Response

    @property
    def path(self) -> str:
        """Return the path that was asked for."""
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        """Return what it was asked with."""
        return {name: texts[0] for name, texts in parse_qs(urlsplit(self.url).query).items()}


def cassettes(platform: str) -> Iterator[Recording]:
    """Read all GET calls that a platform's recordings hold, of whichever of the two recorders."""
    for path in [*files(platform, "*.yaml"), *files(platform, "*.yml")]:
        # The safe C reader: a recording is data.
        loaded: Any = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        found: list[dict[str, Any]] = loaded.get("interactions") or loaded["http_interactions"]
        for one in found:
            if one["request"]["method"].upper() != "GET":
                continue
            body: str | bytes = one["response"]["body"].get("string") or ""
            status: Any = one["response"]["status"]
            headers: dict[str, Any] = one["response"]["headers"]
            reply = httpx2.Response(
                status if isinstance(status, int) else status["code"],
                content=body if isinstance(body, bytes) else body.encode(),
                headers={
                    name.lower(): text if isinstance(text, str) else text[0]
                    for name, text in headers.items()
                    if name.lower() in {"link", "content-type", "ratelimit-reset"}
                },
            )
            yield Recording(name=path.name, url=one["request"]["uri"], reply=reply)


async def first_page(
    source: Source, target: str, cursor: str | None, reply: httpx2.Response
) -> Page:
    """Read one reply as the page of a target."""
    walk = Walk(target=target, max_posts=500, cursor=cursor)
    return await anext(aiter(source.pages(walk, run(lambda _: reply))))
