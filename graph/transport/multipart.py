"""Subscriptions over multipart HTTP, as Apollo's clients and router speak it.

https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
"""

from typing import Final

MEDIA: Final = "multipart/mixed"
_DELIMITER: Final = b"\r\n--graphql"
_HEADER: Final = b"\r\nContent-Type: application/json\r\n\r\n"


class Multipart:
    """How results are written as parts.

    The delimiter follows a part at once, so that the client has it without waiting for the next.
    """

    content_type = f'{MEDIA};boundary="graphql";subscriptionSpec=1.0'
    start = _DELIMITER
    heartbeat = _HEADER + b"{}" + _DELIMITER
    end = b"--\r\n"

    def frame(self, result: bytes) -> bytes:
        """Write one result."""
        return b'%b{"payload":%b}%b' % (_HEADER, result, _DELIMITER)
