"""Real replies of platforms, recorded by other projects' tests.

They hold posts of real people, so none of them is in this repository. `SLUICE_TEST_RECORDED`
names the folder in which they lie, one folder a platform; without it these tests are skipped.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from workers.source import Page, SourcePost

VARIABLE = "SLUICE_TEST_RECORDED"
FOLDER = Path(os.environ.get(VARIABLE, "recorded"))

#: For a module whose tests all read recordings.
needed = [
    pytest.mark.servers,
    pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no recordings"),
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
