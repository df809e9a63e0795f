"""GraphQL over server-sent events, each operation on a connection of its own.

The "distinct connections mode" of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md,
framed with LF: some clients' parsers do not split at CRLF.
"""

from typing import Final

MEDIA: Final = "text/event-stream"


class ServerSentEvents:
    """How results are written as events."""

    content_type = f"{MEDIA}; charset=utf-8"
    start = b":\n\n"
    heartbeat = b":\n\n"
    end = b"event: complete\ndata: \n\n"

    def frame(self, result: bytes) -> bytes:
        """Write one result. It is JSON, so it has no line breaks of its own."""
        return b"event: next\ndata: %b\n\n" % result
