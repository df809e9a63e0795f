import time
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers import text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>One <b>two</b></p><p>three<br>four</p>", "One two\n\nthree\nfour"),
        ("a<div>b</div><div>c</div>d", "a\nb\nc\nd"),
        ("<ul><li>a</li>\n<li>b</li></ul>c", "a\nb\n\nc"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<script>alert(1)</script>a<style>b{}</style>", "a"),
        ("AT&amp;T &lt;3&nbsp;&#x1f600; 5 < 6", "AT&T <3 \N{GRINNING FACE} 5 < 6"),
        ("a\n  b\t c", "a b c"),
        ("<pre>a\nb</pre>", "a\nb"),
        ("<p>unclosed <i>tags", "unclosed tags"),
        ("a<!-- b -->c", "ac"),
        ('x <img src="/a.png" alt="A cat"> y', "x y"),
        ('x <img class="emoji" alt=":wave:"> y', "x :wave: y"),
        ("", ""),
    ],
)
def test_html_becomes_text(html: str, expected: str) -> None:
    """As a reader would see it."""
    assert text.from_html(html) == expected


def test_shortened_links_are_whole_again() -> None:
    """Mastodon hides an address's ends from the eye; the text has all of it."""
    html = (
        '<p>See <a href="https://example.org/long/path"><span class="invisible">https://</span>'
        '<span class="ellipsis">example.org/lo</span><span class="invisible">ng/path</span></a></p>'
    )

    assert text.from_html(html) == "See https://example.org/long/path"


def test_marks_of_direction_stay() -> None:
    """They belong to the text; what shows it must deal with them."""
    assert text.from_html("<p>a\u202eb\u200dc</p>") == "a\u202eb\u200dc"


@given(st.text())
def test_any_text_can_be_stored(given_text: str) -> None:
    """PostgreSQL takes neither NUL nor lone surrogates, terminals no control characters."""
    for result in (text.from_html(given_text), text.plain(given_text), text.clean(given_text)):
        result.encode()
        assert not set(result) & {"\0", "\x1b", "\x07", "\x9b"}


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_escaped_text_comes_back(written: str) -> None:
    """What a platform escaped is what its writer wrote."""
    assert text.from_html(f"<p>{escape(written)}</p>") == written


@given(st.text(alphabet=" \t\n\r\xa0ab\u2028"))
def test_white_space_is_in_order(written: str) -> None:
    """Twice makes no difference, and no line has blanks at its ends."""
    result = text.plain(written)

    assert text.plain(result) == result
    assert "\n\n\n" not in result
    assert all(line == line.strip() for line in result.split("\n"))


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 200_000,
        "<div>" * 52_000,
        "<div><table></div></table>" * 20_000,
        "<b><p>" * 100_000,
        "<script" * 100_000,
        "<!--" * 100_000,
        "<a " + "b='" * 200_000,
        "<" * 500_000,
        "&" * 500_000,
    ],
)
def test_hostile_markup_costs_little(html: str) -> None:
    """Depth and length do not multiply: the parser alone took 97 s for the first of these."""
    started = time.perf_counter()

    text.from_html(html)

    assert time.perf_counter() - started < 5


def test_long_markup_keeps_its_words() -> None:
    """What is too long for the parser loses its tags all the same, and nothing else."""
    html = "<p>one <b>two</b></p><script>x</script>" + "<p>&amp; three</p>" * 20_000

    result = text.from_html(html)

    assert result.startswith("one two\n\n& three\n")
    assert "<" not in result
    assert "x" not in result


def test_a_fragment_without_text_is_told_by_its_pictures_and_links() -> None:
    """Descriptions first, then where it leads, each once."""
    html = (
        '<a href="https://example.org/a"><img alt="A pier" src="/x"></a>'
        '<img title="At dawn"><a href="https://example.org/a"></a>'
    )

    assert text.stand_in(html) == "A pier\nAt dawn\nhttps://example.org/a"
    assert text.stand_in("<p></p>") == ""
    assert text.stand_in("<div>" * 1000) == ""
