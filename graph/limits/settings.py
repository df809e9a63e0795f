"""The numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may hold. The defaults leave room for what real clients send.

    The introspection query of the common tools has 450 tokens, 16 levels and 100 fields.
    """

    body_bytes: int = 1_048_576  #: Of a request, while it is read.
    document_chars: int = 100_000
    tokens: int = 4_000
    comments: int = 200
    definitions: int = 100  #: Operations and fragments; validation compares fragments in pairs.
    depth: int = 18
    aliases: int = 100
    directives: int = 100
    root_fields: int = 30
    #: Selections, with each fragment counted wherever it is spread.
    selections: int = 2_000
    #: Of one response key in one place; validation compares them in pairs.
    repetitions: int = 50
    nodes: int = 10_500  #: Objects in the answer: a hundred tasks with a hundred posts each.
    values: int = 150_000  #: Fields of those objects: about a second of a core.
    batch: int = 10  #: Operations of a batch, where batching is on.
