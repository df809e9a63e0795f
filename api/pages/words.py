"""Sentences for what the services say in codes.

The words stand in `static/js/words.js`, which scripts import: a page says the same before and
after a script has touched it.
"""

import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import orjson

from api.pages.assets import FOLDER
from tasks import models
from tasks.models import EventType, StopReason, TaskStatus
from tasks.query import LINE_COUNTED, Wait
from tasks.receipt import Receipt
from tasks.statistics import Band

WORDS: Final[dict[str, Any]] = orjson.loads(
    (FOLDER / "js" / "words.js").read_text().partition("export default ")[2].rstrip().rstrip(";")
)
#: Characters that take no room, or only change how others are shown.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp", "Cs", "Co", "Cn"})


@dataclass(frozen=True, slots=True)
class Badge:
    """A word and how it is meant: good, info, warn, bad, or neither."""

    label: str
    tone: str


def status(task: models.Task) -> Badge:
    """Say where a task stands."""
    name = task.status
    if name == TaskStatus.FAILED and task.stop_reason == StopReason.CANCELLED:
        name = "cancelled"
    if name == TaskStatus.COMPLETED and not receipt_of(task).complete:
        name = "partial"
    return Badge(*WORDS["status"][name])


def receipt_of(task: models.Task) -> Receipt:
    """Return a task's receipt, open while it has none."""
    return Receipt.of(task.receipt, requested=task.max_posts)


def waiting(wait: Wait | None) -> str:
    """Say why a task waits; the time until when stands beside it."""
    if wait is None:
        return ""
    words: str = WORDS["waiting"][wait.reason]
    if not wait.ahead:
        return words
    capped = "+" if wait.ahead == LINE_COUNTED else ""
    return f"{words}, {wait.ahead}{capped} of yours before it"


def event(kind: str) -> str:
    """Say what happened."""
    return WORDS["event"][kind]


def note(record: models.TaskEvent) -> str:
    """Say more of an event, where there is more to say: how far, by whom, or why."""
    data = record.data
    if record.type == EventType.PROGRESS:
        return f"{data['posts_count']} of {data['max_posts']}"
    if record.type in (EventType.COMPLETED, EventType.FAILED, EventType.RELEASED):
        return data.get("error_message") or count(data["posts_count"], "post")
    if record.type == EventType.ASSIGNED:
        return data.get("worker_id") or ""
    return data.get("error_message") or "" if record.type == EventType.WAITING else ""


def band(found: Band) -> str:
    """Name a band of likes."""
    if found.least is None:
        return "below 0"
    if found.most is None:
        return f"{found.least} or more"
    return str(found.least) if found.least == found.most else f"{found.least} to {found.most}"


def receipt(task: models.Task) -> list[str]:
    """Say how a task ended, in sentences; nothing while it has not."""
    if task.stop_reason is None or task.completed_at is None:
        return []
    found = receipt_of(task)
    values = {
        "requested": found.requested,
        "posts": count(task.posts_count, "post"),
        "pages": count(found.pages, "page"),
    }
    sentences = [WORDS["receipt"][task.stop_reason].format(**values)]
    if task.error_message:
        sentences.append(task.error_message)
    sentences.append(WORDS["complete" if found.complete else "incomplete"])
    if task.posts_expired_at is not None:
        sentences.append(WORDS["expired"])
    return sentences


def percent(task: models.Task) -> int:
    """Return how far a task has got, from 0 to 100."""
    if task.status == TaskStatus.COMPLETED:
        return 100
    return min(100, task.posts_count * 100 // task.max_posts)


def visible(text: str | None, otherwise: str) -> str:
    """Return a text of a stranger's, unless nothing of it could be seen."""
    if text and any(unicodedata.category(each) not in _UNSEEN for each in text):
        return text
    return otherwise


def plain(text: str) -> str:
    """Return a text without what turns others around it: no element can isolate a tab's title."""
    return "".join(each for each in text if unicodedata.category(each) not in ("Cc", "Cf"))


def title(task: models.Task) -> str:
    """Name a task as its owner did, or by what it reads."""
    return visible(task.group_name, visible(task.target, task.group_id))


def excerpt(text: str | None, length: int) -> tuple[str, int]:
    """Return the beginning of a text, and how many characters follow."""
    if text is None:
        return "", 0
    return text[:length], max(0, len(text) - length)


def web_address(url: str | None) -> str | None:
    """Return an address that may stand in a link: nothing but the web's."""
    return url if url and url.lower().startswith(("https://", "http://")) else None


def count(number: int, noun: str) -> str:
    """Count things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def span(seconds: int) -> str:
    """Name a length of time by its largest whole unit."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            number = seconds // length
            return unit if number == 1 else count(number, unit)
    return f"{seconds} seconds"
