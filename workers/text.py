"""From what platforms write to plain text that can be stored and shown.

HTML becomes text: paragraphs are parted by a blank line, line breaks and other blocks by a new
line, links keep their text, scripts and styles go. Markup is read as browsers read it, so that
nothing is too broken. What PostgreSQL or a terminal cannot take is removed: NUL, lone surrogates
and control characters. Marks of writing direction and joiners are text and stay.
"""

import re
from collections import Counter
from html import unescape
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Their text is not for reading. A browser shows `noscript` and `template` to nobody here.
DROPPED: Final = frozenset(
    {"script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg"}
)
#: Parted by a blank line.
PARAGRAPHS: Final = frozenset(
    {"p", "blockquote", "ul", "ol", "dl", "pre", "table", "h1", "h2", "h3", "h4", "h5", "h6"}
)
#: Parted by a new line.
LINES: Final = frozenset(
    {"div", "li", "dt", "dd", "tr", "hr", "section", "article", "header", "footer", "aside"}
    | {"figure", "figcaption", "details", "summary", "address", "main", "nav", "form"}
)
CELLS: Final = frozenset({"td", "th"})

#: Elements that cannot hold themselves, however often they are opened.
SHALLOW: Final = frozenset(
    {"br", "img", "hr", "wbr", "input", "link", "meta", "source", "area", "embed", "col"}
    | {"p", "li", "dd", "dt", "td", "th", "tr", "option"}
)
#: The parser looks through all open elements at each tag: 200,000 nested ones cost it 97 s,
#: 256 next to nothing. Mismatched tags can hide their depth from a count, hence the length.
DEEPEST_PARSED: Final = 256
LONGEST_PARSED: Final = 256 * 1024
TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")

#: C0 and C1 controls but for tab, line feed and carriage return; DEL; lone surrogates.
UNSTORABLE: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
LINE_END: Final = re.compile(r"\r\n?|[\x85\u2028\u2029]")
BLANKS: Final = re.compile(r"[ \t\xa0]+")
HTML_BLANKS: Final = re.compile(r"[ \t\n\r\f]+")
EDGES: Final = re.compile(r" *\n *")
EMPTY_LINES: Final = re.compile(r"\n{3,}")


def clean(text: str) -> str:
    """Return `text` without what cannot be stored, and otherwise as it is."""
    return UNSTORABLE.sub("", text)


def plain(text: str) -> str:
    """Return plain text with its white space in order: lines trimmed, at most one empty."""
    text = BLANKS.sub(" ", LINE_END.sub("\n", clean(text)))
    return EMPTY_LINES.sub("\n\n", EDGES.sub("\n", text)).strip()


def from_html(html: str) -> str:
    """Return the text of an HTML fragment or page."""
    if "<" not in html and "&" not in html:
        return plain(HTML_BLANKS.sub(" ", html))
    html = clean(html)
    if len(html) > LONGEST_PARSED or _is_deep(html):
        return plain(_stripped(html))
    root = LexborHTMLParser(html).root
    return "" if root is None else plain(_Reader().read(root))


def stand_in(html: str) -> str:
    """Return what stands in for the text of a fragment that has none.

    That is how its pictures are described, and where its links lead.
    """
    html = clean(html)
    if len(html) > LONGEST_PARSED or _is_deep(html):
        return ""
    parser = LexborHTMLParser(html)
    names = [
        node.attributes.get("alt") or node.attributes.get("title") for node in parser.css("img")
    ]
    links = [node.attributes.get("href") for node in parser.css("a[href]")]
    found = [plain(one) for one in (*names, *links) if one]
    return "\n".join(dict.fromkeys(one for one in found if one))


def _is_deep(html: str) -> bool:
    """Say whether elements may be nested deeper than any writer nests them."""
    open_: Counter[str] = Counter()
    depth = 0
    for closing, name in TAG.findall(html):
        tag = name.lower()
        if tag in SHALLOW:
            continue
        if not closing:
            open_[tag] += 1
            depth += 1
        elif open_[tag]:
            open_[tag] -= 1
            depth -= 1
        if depth > DEEPEST_PARSED:
            return True
    return False


def _stripped(html: str) -> str:
    """Take the tags out without a tree, in one pass each: for what would cost too much."""
    for tag in ("script", "style"):
        first, *rest = re.split(rf"<{tag}\b", html, flags=re.IGNORECASE)
        html = first + "".join(
            re.split(rf"</{tag}\b", part, maxsplit=1, flags=re.IGNORECASE)[-1].partition(">")[2]
            for part in rest
            if re.search(rf"</{tag}\b", part, flags=re.IGNORECASE)
        )
    html = HTML_BLANKS.sub(" ", html)
    html = re.sub(
        r"</?(?:br|p|div|li|tr|h[1-6]|blockquote)\b[^<>]*>", "\n", html, flags=re.IGNORECASE
    )
    return clean(unescape(re.sub(r"<[a-zA-Z/!?][^<>]*>", "", html)))


class _Reader:
    """Walks a tree without recursion, since markup may be nested as deep as it is long."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._gap = 0  # new lines due before the next text
        self._verbatim = 0  # how many <pre> are open

    def read(self, root: LexborNode) -> str:
        """Return the text, with new lines where blocks part."""
        node: LexborNode | None = root
        depth = 0
        while node is not None:
            child = self._enter(node)
            if child is not None:
                node, depth = child, depth + 1
                continue
            self._leave(node)
            while node.next is None and depth > 0 and node.parent is not None:
                node, depth = node.parent, depth - 1
                self._leave(node)
            if depth == 0:
                break
            node = node.next
        return "".join(self._parts)

    def _enter(self, node: LexborNode) -> LexborNode | None:
        """Note what a node begins with, and return its first child if it is to be read."""
        if node.is_text_node:
            text = node.text_content or ""
            self._write(text if self._verbatim else HTML_BLANKS.sub(" ", text))
            return None
        tag = node.tag or ""
        if tag in DROPPED:
            return None
        self._gap = max(self._gap, _gap(tag))
        if tag == "br":
            self._parts.append("\n")
        elif tag == "img":
            # An emoji that the platform shows as a picture; other pictures are not text.
            if "emoji" in (node.attributes.get("class") or ""):
                self._write(node.attributes.get("alt") or "")
        elif tag == "pre":
            self._verbatim += 1
        return node.first_child

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "pre":
            self._verbatim -= 1
        if tag in CELLS:
            self._parts.append(" ")
        if tag not in DROPPED:
            self._gap = max(self._gap, _gap(tag))

    def _write(self, text: str) -> None:
        if self._gap and not text.isspace():
            self._parts.append("\n" * self._gap)
            self._gap = 0
        self._parts.append(text)


def _gap(tag: str) -> int:
    """Return how many new lines part an element from its neighbours."""
    if tag in PARAGRAPHS:
        return 2
    return 1 if tag in LINES else 0
