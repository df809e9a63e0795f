"""Reading ordinary frames, compared with the `websockets` library's reading of the same bytes."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from sluice.websocket import frame
from tests.graph.transport.socket import framed

KINDS = {frame.TEXT: 1, frame.BINARY: 2, frame.PING: 9, frame.PONG: 10}

payloads = st.one_of(
    st.binary(max_size=130),
    st.sampled_from([125, 126, 127, 65_535, 65_536]).map(lambda size: b"x" * size),
)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Return a client's frame, perhaps one that is out of the ordinary or no frame at all."""
    kind = draw(st.sampled_from(["whole", "control", "fragment", "close", "reserved", "bytes"]))
    if kind == "whole":
        return framed(draw(st.sampled_from([1, 2])), draw(payloads))
    if kind == "control":
        return framed(draw(st.sampled_from([9, 10])), draw(st.binary(max_size=125)))
    if kind == "fragment":
        return framed(draw(st.sampled_from([0, 1])), draw(payloads), fin=draw(st.booleans()))
    if kind == "close":
        return framed(8, b"\x03\xe8")
    if kind == "reserved":
        return framed(draw(st.sampled_from([3, 0x11, 0x42])), b"x")
    return draw(st.binary(max_size=20))


def by_library(data: bytes) -> list[tuple[int, bytes]]:
    """Return the frames that the library reads."""
    protocol = ServerProtocol(state=OPEN, max_size=2**20)
    protocol.receive_data(data)
    return [
        (each.opcode | (0x80 if each.fin else 0), bytes(each.data))
        for each in protocol.events_received()
        if isinstance(each, Frame)
    ]


@given(st.lists(frames(), max_size=6).map(b"".join), st.data())
def test_ordinary_frames_are_read_as_the_library_reads_them(
    data: bytes, draw: st.DataObject
) -> None:
    """Whatever comes, and wherever TCP cuts it; the library is left what is not ordinary."""
    cut = draw.draw(st.integers(0, len(data)))
    first = frame.read(data[:cut])
    found = list(first.frames)
    rest = first.rest + data[cut:]
    if first.is_ordinary:
        second = frame.read(rest)
        found += second.frames
        rest = second.rest

    assert found + by_library(rest) == by_library(data)


@given(st.sampled_from(sorted(KINDS)), payloads)
def test_a_client_reads_what_is_written(kind: int, payload: bytes) -> None:
    """The library writes a server's frames in the same bytes."""
    if kind in (frame.PING, frame.PONG):
        payload = payload[:125]
    serialized = Frame(Opcode(KINDS[kind]), payload).serialize(mask=False, extensions=[])

    assert frame.written(kind, payload) == serialized
