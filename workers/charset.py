"""From bytes to text when several places may say how, and some of them are wrong.

The order follows RFC 7303 (byte order mark, HTTP header, XML declaration) with one exception
that feeds in the wild need: what is valid UTF-8, and is said by anybody to be UTF-8 or by
nobody to be anything else within the document, is UTF-8, whatever a server's default says.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Final

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    # No mark, yet unmistakable: the beginning of a declaration in two bytes a character.
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
)
DECLARATION: Final = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"'>]{1,40})""")
XML_DECLARATION: Final = re.compile(r"^\s*<\?xml\b[^>]{0,300}\?>\s*")
PARAMETER: Final = re.compile(r"""charset\s*=\s*["']?([^"';,\s]{1,40})""", re.IGNORECASE)

#: Python's own inventions and those that are no charset of documents, and what to read as what:
#: browsers take the first for the second, since the second holds the first.
UNFIT: Final = frozenset(
    {"unicode_escape", "raw_unicode_escape", "idna", "punycode", "utf-7", "undefined"}
)
WIDER: Final = {"gb2312": "gb18030", "iso8859-1": "cp1252", "ascii": "utf-8", "euc_kr": "cp949"}
ESCAPE: Final = b"\x1b"  # ISO-2022 text looks like ASCII but for this


def decode(content: bytes, content_type: str = "") -> str:
    """Return a document's text. Never fails: what cannot be read becomes U+FFFD."""
    for mark, name in MARKS:
        if content.startswith(mark):
            return content.decode(name, "replace").removeprefix("\ufeff")
    candidates = list(_candidates(content, content_type))
    for name in candidates:
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    return content.decode(candidates[0], "replace")


def without_declaration(text: str) -> str:
    """Drop an XML declaration, which speaks of bytes that are no longer there."""
    return XML_DECLARATION.sub("", text, count=1)


def _candidates(content: bytes, content_type: str) -> Iterator[str]:
    """Yield what to try, in order, without what Python does not know."""
    header = PARAMETER.search(content_type)
    declared = DECLARATION.match(content[:400])
    by_server = _known(header[1]) if header else None
    by_document = _known(declared[1].decode("latin-1")) if declared else None
    if by_document in {None, "utf-8"} and ESCAPE not in content:
        yield "utf-8"
    yield from (name for name in (by_server, by_document) if name)
    yield "utf-8"


def _known(label: str) -> str | None:
    """Return Python's name of a charset, or None if it is none that a document may have."""
    try:
        name = codecs.lookup(label.strip()).name
        if name in UNFIT:
            return None
        "".encode(name)  # raises for codecs that are not from text to bytes
    except (LookupError, ValueError, TypeError):
        return None
    return WIDER.get(name, name)
