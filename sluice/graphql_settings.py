"""The settings of the GraphQL API and of sessions, apart for their number."""

from pydantic import Field
from pydantic_settings import BaseSettings

from graph.limits import Limits, Rate

_LIMITS = Limits()
_RATE = Rate()


class GraphQLFields(BaseSettings):
    """What a person can decide about GraphQL and sessions."""

    secret_key: str | None = Field(
        None,
        repr=False,
        min_length=32,
        description="Signs people's sessions; the same in all processes, at least 32 characters. "
        "Without it: one that the data directory keeps, or, with `SLUICE_DATABASE_URL`, one that "
        "ends with the process.",
    )
    graphql_introspection: bool | None = Field(
        None,
        description="Whether the schema can be asked for. Without it: in development alone.",
    )
    graphql_suggestions: bool | None = Field(
        None,
        description="Whether errors say what was probably meant. Without it: in development alone.",
    )
    graphql_graphiql: bool | None = Field(
        None,
        description="Whether a browser gets GraphiQL at `/graphql`. Without it: where the schema "
        "can be asked for.",
    )
    graphql_batching: bool = Field(
        default=False,
        description="Whether one request may carry a list of up to 10 operations.",
    )
    graphql_max_body_bytes: int = Field(
        _LIMITS.body_bytes, ge=1024, description="The largest GraphQL request."
    )
    graphql_max_tokens: int = Field(
        _LIMITS.tokens, ge=10, description="Tokens that a GraphQL document may have."
    )
    graphql_max_depth: int = Field(
        _LIMITS.depth, ge=2, le=50, description="Levels of fields that it may have."
    )
    graphql_max_aliases: int = Field(_LIMITS.aliases, ge=0, description="Aliases it may have.")
    graphql_max_directives: int = Field(
        _LIMITS.directives, ge=0, description="Directives it may have."
    )
    graphql_max_root_fields: int = Field(
        _LIMITS.root_fields, ge=1, description="Fields that it may ask for at its root."
    )
    graphql_max_nodes: int = Field(
        _LIMITS.nodes, ge=1, description="Objects that one answer may hold, by its page sizes."
    )
    graphql_cost_capacity: int = Field(
        _RATE.capacity,
        ge=1,
        description="Points that one token can save up; an operation costs about one for each "
        "object that it may answer, and ten for each change.",
    )
    graphql_cost_per_second: int = Field(
        _RATE.per_second, ge=1, description="Points that one token gets back in a second."
    )
    graphql_init_seconds: float = Field(
        3.0,
        gt=0,
        le=60,
        description="Seconds after which a WebSocket must have said who it is.",
    )
