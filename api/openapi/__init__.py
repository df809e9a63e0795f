"""The API's description, OpenAPI 3.1: what the documented API fixes, as strictly as it can be said.

Answers have no keys but the listed ones. Requests may have more, which are ignored, and the
schemas say which texts count as numbers, since the API takes them.
"""

from api.openapi.answer import HEADERS, RESPONSES
from api.openapi.operation import TASK_ID, paths
from api.openapi.schema import SCHEMAS, Schema


def document() -> Schema:
    """Build the description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sluice REST API",
            "version": "1",
            "summary": "Collect a group's public posts.",
            "description": "A task asks for a group's public posts. Create one, watch its status, "
            "and read its result once it has completed.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": "Tasks", "description": "Tasks and their results."}],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token, in the header `Authorization: Bearer {token}`.",
                }
            },
            "parameters": {"TaskId": TASK_ID},
            "headers": HEADERS,
            "schemas": SCHEMAS,
            "responses": RESPONSES,
        },
    }
