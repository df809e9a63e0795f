"""Documents that are not what a feed should be: hostile, old, or in another charset."""

import time

import pytest

from tests.sources.test_feed import posts, read, rss
from workers.errors import SourceBadReply

BOMB = (
    "<!DOCTYPE x [<!ENTITY a 'ha'>"
    + "".join(
        f"<!ENTITY {new} '{f'&{old};' * 10}'>"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)


@pytest.mark.parametrize(
    "prolog",
    [
        BOMB,
        f"<!DOCTYPE x [<!ENTITY a '{'x' * 50_000}'>]>",
        "<!DOCTYPE x [<!ENTITY i SYSTEM 'file:///etc/hostname'>]>",
        "<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1/p.dtd'> %p;]>",
        "<!-- <a --><!DOCTYPE x [<!ENTITY i SYSTEM 'file:///etc/hostname'>]>",
    ],
)
async def test_definitions_are_refused_at_once(prolog: str) -> None:
    """Neither expansion bombs nor files or addresses of ours, and no time lost on them."""
    started = time.perf_counter()

    with pytest.raises(SourceBadReply, match="entities"):
        await read(rss(f"<item><title>{'&i;' * 1000}</title></item>", prolog=prolog))

    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "items",
    ["<a>" * 300_000 + "</a>" * 300_000, "<a/>" * 400_000, "<a " * 600_000, "&" * 2_000_000],
    ids=["deep", "many", "damaged", "ampersands"],
)
async def test_documents_made_to_cost_time_are_refused_soon(items: str) -> None:
    """A reading takes seconds at most, whatever megabytes are served."""
    started = time.perf_counter()

    with pytest.raises(SourceBadReply, match="too"):
        await read(rss(items))

    assert time.perf_counter() - started < 10


async def test_a_feed_of_thousands_is_read() -> None:
    """The bounds are far from what sites publish."""
    items = "".join(
        f"<item><guid>urn:{number}</guid><title>{number}</title></item>" for number in range(5000)
    )

    assert len(await posts(rss(items))) == 5000


async def test_harmless_document_types_are_read() -> None:
    """RSS 0.91 has one, and some feeds define their accented letters."""
    old = (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd">'
    )
    own = "<!DOCTYPE rss [<!ENTITY eacute '&#233;'>]>"
    item = "<item><title>Caf&eacute;</title></item>"

    assert [
        post.message for post in await posts(rss("<item><title>a</title></item>", prolog=old))
    ] == ["a"]
    assert [post.message for post in await posts(rss(item, prolog=own))] == ["Café"]


@pytest.mark.parametrize(
    ("encoding", "declared", "content_type"),
    [
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-1"),
        ("utf-8", None, "application/xml; charset=nonsense"),
        ("utf-8", None, "text/xml"),
        ("cp1252", "iso-8859-1", "text/xml"),
        ("cp1252", None, "text/xml; charset=iso-8859-1"),
        ("koi8-r", "koi8-r", "application/xml"),
        ("utf-16", "utf-16", "application/xml"),
        ("utf-16-le", "utf-16", "application/xml"),
        ("iso-2022-jp", "iso-2022-jp", "application/xml"),
        ("gb18030", "gb2312", "application/xml"),
    ],
)
async def test_charsets_are_found(encoding: str, declared: str | None, content_type: str) -> None:
    """From the mark, the header or the declaration, whichever is right."""
    word = {"koi8-r": "Привет", "iso-2022-jp": "日本", "gb18030": "你好"}.get(encoding, "naïve")
    prolog = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    document = rss(f"<item><title>{word}</title></item>", prolog=prolog).encode(encoding)

    (post,) = await posts(document, content_type=content_type)

    assert post.message == word


async def test_a_wrong_charset_costs_letters_only() -> None:
    """Bytes that fit no charset become marks, and the rest is read."""
    document = rss("<item><title>na\xefve</title></item>").encode("latin-1")

    (post,) = await posts(document, content_type="application/xml; charset=utf-8")

    assert post.message == "na\N{REPLACEMENT CHARACTER}ve"
