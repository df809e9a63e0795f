from hypothesis import given
from hypothesis import strategies as st

from workers import charset


@given(st.binary(max_size=200), st.text(max_size=60))
def test_decoding_never_fails(content: bytes, content_type: str) -> None:
    """Any bytes under any header become text that can be stored."""
    charset.decode(content, f"text/xml; charset={content_type}").encode()


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b\ufeff"), max_size=99)
)
def test_utf_8_is_read_whatever_the_server_says(text: str) -> None:
    """Servers name a default charset that their documents do not have."""
    assert charset.decode(text.encode(), "text/xml; charset=iso-8859-1") == text
