"""Posts that a client sends itself: a path beside the documented ones, in their envelopes."""

from starlette.requests import Request
from starlette.responses import Response

from api.rest import parse, shapes
from tasks.batch import Batch
from tasks.ingest import IngestService


class Posts:
    """The handler, around one service."""

    def __init__(self, ingest: IngestService) -> None:
        self._ingest = ingest

    async def add(self, request: Request) -> Response:
        """Store a batch; a repeated `Idempotency-Key` gives the first answer again."""
        writer, task_id = parse.writer(request), parse.task_id(request)
        batch = Batch.parse(parse.required_fields(await parse.body(request)))
        key = request.headers.get("idempotency-key")
        ingested = await self._ingest.add(writer, task_id, batch, key=key)
        return shapes.success(shapes.ingested(ingested), text="Posts added successfully")
