"""Telegram: the posts of a public channel, from the preview page that t.me shows to visitors.

The page is public but no documented API, so an administrator switches it on on purpose. Channels
may have no preview; Telegram then leads to the channel's card, which holds no posts. What the page
withholds (some media, polls) is left out. Views are shown rounded and are not what we count;
likes, comments and shares are unknown.

A cursor is the number of the post that the next page ends before.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tasks.errors import TargetInvalid
from workers import charset, errors, shape, text
from workers.http import Http
from workers.paging import Seen
from workers.refusal import is_web_page
from workers.reply import Reply
from workers.site import Address
from workers.source import Evidence, Page, Rate, Setting, Source, SourceInfo, SourcePost, Walk

HOST: Final = "t.me"
SITES: Final = frozenset({HOST, "www.t.me", "telegram.me", "telegram.dog"})
SWITCH: Final = "telegram_preview"
ON: Final = frozenset({"on", "true", "yes", "1"})

CHANNEL: Final = re.compile(r"[a-z][a-z0-9_]{3,31}")
CURSOR: Final = re.compile(r"[1-9][0-9]{0,17}")
#: Words that stand where a channel's name stands in other addresses.
RESERVED: Final = frozenset(
    {"joinchat", "addstickers", "addemoji", "addlist", "addtheme", "share", "proxy", "socks"}
    | {"login", "invoice", "setlanguage", "contact", "boost", "giftcode", "confirmphone"}
)

HISTORY: Final = ".tgme_channel_history"
MESSAGE: Final = ".tgme_widget_message[data-post]"
#: The post that is answered is quoted in the same kind of element.
TEXT: Final = ".tgme_widget_message_text:not(.js-message_reply_text)"
QUESTION: Final = ".tgme_widget_message_poll_question"
DOCUMENT: Final = ".tgme_widget_message_document_title"
TIME: Final = ".tgme_widget_message_date time[datetime]"
WITHHELD: Final = ".message_media_not_supported"
OLDER: Final = ".tme_messages_more[data-before]"
CARD: Final = ".tgme_page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a page showed."""

    posts: Sequence[SourcePost] = ()
    before: str | None = None
    skipped: dict[str, int] = field(default_factory=dict[str, int])


class TelegramSource(Source):
    """Public channels of Telegram."""

    info = SourceInfo(
        name="telegram",
        title="Telegram",
        target_help="A public channel's name.",
        examples=("durov", "telegram"),
        documentation="https://telegram.org/faq_channels",
        read_on=date(2026, 11, 23),
        verified=Evidence.RECORDINGS,
        settings=(
            Setting(
                name=SWITCH,
                help="`on` to read the public preview pages of channels, which are no documented "
                "API.",
                secret=False,
            ),
        ),
        # No limit is documented: as slow as somebody who reads.
        rate=Rate(calls=20, seconds=60, burst=2),
    )

    @property
    def missing(self) -> Sequence[Setting]:
        """Ask for the switch until it is on; any other value leaves it off."""
        return () if self.credentials.get(SWITCH, "").lower() in ON else self.info.settings

    def recognise(self, address: str) -> str | None:
        """Return the channel that an address of the site shows, or one of its posts."""
        page = Address.of(address)
        if page is None or page.site.host not in SITES:
            return None
        first, *rest = page.path.strip("/").split("/")
        name = rest[0] if first == "s" and rest else first
        return name if name not in RESERVED and CHANNEL.fullmatch(name.lower()) else None

    def normalise(self, target: str) -> str:
        """Return the channel's name without @, in lower case.

        Raises:
            TargetInvalid: It is none.
        """
        name = target.removeprefix("@").lower()
        if CHANNEL.fullmatch(name):
            return name
        raise TargetInvalid(
            f"{target[:200]!r} is no public channel of Telegram; write its name, such as "
            "telegram:durov. Private channels and groups cannot be read."
        )

    def host(self, target: str) -> str:
        """Name the one host."""
        del target
        return HOST

    async def pages(self, walk: Walk, http: Http) -> AsyncIterator[Page]:
        """Yield the channel's posts, newest first.

        Raises:
            SourceError: They could not be read.
        """
        before = walk.cursor
        if before is not None and not CURSOR.fullmatch(before):
            raise errors.SourceBadReply(f"Telegram has no cursor {before[:100]!r}.")
        seen = Seen()
        while True:
            reply = await http.get(
                f"https://{HOST}/s/{walk.target}",
                params={} if before is None else {"before": before},
                headers={"accept": "text/html", "accept-language": "en"},
            )
            preview = await asyncio.to_thread(_read, reply, walk.target)
            # A page that leads to itself would be read for ever.
            before = preview.before if preview.before != before else None
            yield seen.page(preview.posts, next_cursor=before, skipped=preview.skipped)
            if before is None:
                return


def _read(reply: Reply, channel: str) -> Preview:
    """Read a preview page.

    Raises:
        SourcePreviewUnavailable: The channel's card came in its place.
        SourceBlocked: Some other page did.
        SourceBadReply: It is no page, or not one as we know it.
    """
    tree = LexborHTMLParser(charset.decode(reply.content))
    history = tree.css_first(HISTORY)
    if history is None:
        raise _no_history(reply, channel, has_card=tree.css_first(CARD) is not None)
    posts: list[SourcePost] = []
    skipped: dict[str, int] = {}
    for node in history.css(MESSAGE):
        reason = _left_out(node)
        if reason is None:
            posts.append(_post(node, channel, reply))
        else:
            skipped[reason] = skipped.get(reason, 0) + 1
    # On the page the newest post is the last.
    return Preview(posts=posts[::-1], before=_before(history, reply), skipped=skipped)


def _before(history: LexborNode, reply: Reply) -> str | None:
    """Return where the next page ends, or None on the last one."""
    older = history.css_first(OLDER)
    if older is None:
        return None
    before = older.attributes.get("data-before") or ""
    if not CURSOR.fullmatch(before):
        raise reply.bad(f"older posts are said to be before {before[:40]!r}")
    return before


def _no_history(reply: Reply, channel: str, *, has_card: bool) -> errors.SourceError:
    """Say why a reply holds no posts."""
    if has_card:
        return errors.SourcePreviewUnavailable(
            f"Telegram shows no posts of {channel} to visitors: it is no public channel, or its "
            "preview is turned off.",
            address=reply.address,
            status=reply.status,
        )
    if is_web_page(reply.headers, reply.content):
        return reply.blocked()
    return reply.bad("it is no preview page")


def _left_out(node: LexborNode) -> str | None:
    if "service_message" in (node.attributes.get("class") or "").split():
        return "service"
    return "withheld" if node.css_first(WITHHELD) is not None and not _message(node) else None


def _post(node: LexborNode, channel: str, reply: Reply) -> SourcePost:
    name = node.attributes.get("data-post") or ""
    if not name.rpartition("/")[2].isdecimal():
        raise reply.bad(f"a post is called {name[:40]!r}")
    owner = _text(node, ".tgme_widget_message_owner_name")
    time = node.css_first(TIME)
    return SourcePost(
        id=name,
        message=_message(node),
        author=owner or channel,
        url=f"https://{HOST}/{name}",
        created_time=None if time is None else shape.moment(time.attributes.get("datetime")),
    )


def _message(node: LexborNode) -> str | None:
    """Return a post's text, or what stands in its place: a poll's question, a file's name."""
    return shape.first(*(_text(node, selector) for selector in (TEXT, QUESTION, DOCUMENT)))


def _text(node: LexborNode, selector: str) -> str | None:
    """Return the text of the first element that fits. Texts may hold a copy of their element."""
    found = node.css_first(selector)
    return None if found is None else text.from_html(found.html or "")
