"""HTTP under uvicorn, for answers that go on until the server ends."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web.stream import STREAMS, Streams


class Http(HttpToolsProtocol):
    """One connection. uvicorn calls it, as its `http`, for each.

    uvicorn's own waits for streams as for any answer, and breaks them off when it has waited.
    """

    def shutdown(self) -> None:
        """Let the answer that is under way end; a stream ends at once, as it should."""
        super().shutdown()
        streams: Streams | None = self.app_state.get(STREAMS)
        if streams is not None:
            streams.close()
