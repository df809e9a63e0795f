"""The REST compatibility layer: the documented API, translated to the task service and back."""

from api.rest.events import Events
from api.rest.export import Exports
from api.rest.posts import Posts
from api.rest.routes import routes

__all__ = ["Events", "Exports", "Posts", "routes"]
