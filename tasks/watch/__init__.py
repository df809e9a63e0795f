"""Watching tasks: status that cannot be missed.

A watch joins the bus, waits for its confirmation, reads where things stand, and drops what it
has seen. What the bus loses shows as a jump in `seq`, or in a comparison with the database every
2 seconds, and is read from the log.
"""

from tasks.watch.owner import OwnerStream
from tasks.watch.posts import PostWatch
from tasks.watch.service import WatchService
from tasks.watch.task import TaskWatch
from tasks.watch.update import OwnerUpdate, PostBatch, Update

__all__ = [
    "OwnerStream",
    "OwnerUpdate",
    "PostBatch",
    "PostWatch",
    "TaskWatch",
    "Update",
    "WatchService",
]
