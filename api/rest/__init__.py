"""The REST compatibility layer: the documented API, translated to the task service and back."""

from api.rest.routes import routes

__all__ = ["routes"]
