"""Plans: made once for an operation and the conditions in it, and run for each request."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from graphql import DocumentNode, OperationDefinitionNode, OperationType, located_error

from graph.context import Context, Services
from graph.errors import field_error
from graph.planner.argument import Variables
from graph.planner.mutation import Changes
from graph.planner.root import ROOTS, Root
from graph.planner.rows import Maker
from graph.planner.selection import Fields, Selections, conditional, nodes
from graph.planner.source import Source, Unplanned
from graph.planner.subscription import Watching
from graph.planner.task import Run
from graph.schema import Schema
from tasks.errors import TaskError
from tasks.principal import Principal

logger = logging.getLogger(__name__)

#: Plans that one operation may have: one for each set of values that its conditions meet.
VARIANTS: Final = 16


class Planned:
    """The plans of one operation, made when they are first needed. For one event loop."""

    def __init__(
        self, schema: Schema, tree: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self._schema = schema
        self._tree = tree
        self._operation = operation
        self._ready = False
        self._variables: Variables | None = None
        self._conditions: Sequence[str] = ()
        self._plans: dict[tuple[Any, ...], Plan | Changes | Watching | None] = {}

    async def answer(
        self,
        principal: Principal,
        services: Services,
        given: Mapping[str, Any],
        context: Callable[[], Context],
    ) -> dict[str, Any] | None:
        """Return `data` and `errors`; None if the ordinary path is to answer.

        What is in them is for orjson, which writes times in UTC with a Z. `context` makes one for
        resolvers, if any are called.
        """
        try:
            plan, variables = self._found(given)
            if isinstance(plan, Plan):
                return await plan.run(Run(principal, services, variables))
            if not isinstance(plan, Changes):
                return None
            arguments = plan.read(variables)
        except Unplanned:
            return None
        except Exception:
            # A value that its type does not allow, or a mistake here; the ordinary path tells.
            logger.warning("a planned operation takes the ordinary path", exc_info=True)
            return None
        return await plan.run(context(), arguments)  # From here on nothing may begin again.

    def watching(self, given: Mapping[str, Any]) -> tuple[Watching, Mapping[str, Any]] | None:
        """Return what a subscription watches, with its arguments; None for the ordinary path."""
        try:
            plan, variables = self._found(given)
            return (plan, plan.read(variables)) if isinstance(plan, Watching) else None
        except Unplanned:
            return None
        except Exception:
            logger.warning("a planned subscription takes the ordinary path", exc_info=True)
            return None

    def _found(
        self, given: Mapping[str, Any]
    ) -> "tuple[Plan | Changes | Watching | None, Mapping[str, Any]]":
        """Return the plan for these variables, and their values.

        Raises:
            Unplanned: There is none, or a value is none of its type.
        """
        if not self._ready:
            self._prepare()
        if self._variables is None:
            raise Unplanned
        variables = self._variables.read(given)
        return self._plan(variables), variables

    def _prepare(self) -> None:
        self._ready = True
        if not self._operation.directives:
            self._conditions = conditional(self._tree, self._operation)
            self._variables = Variables(self._schema.core, self._operation)

    def _plan(self, variables: Mapping[str, Any]) -> "Plan | Changes | Watching | None":
        """Return the plan for the values of the conditions, making it the first time."""
        key = tuple([variables.get(name) for name in self._conditions])
        if key not in self._plans:
            # A condition that is null is an error.
            if len(self._plans) >= VARIANTS or not all(type(each) is bool for each in key):
                return None
            self._plans[key] = None
            conditions = dict(zip(self._conditions, key, strict=True))
            selections = Selections(self._schema.core, self._tree, self._operation, conditions)
            self._plans[key] = _plan(self._schema, selections, self._operation.operation)
        return self._plans[key]


def _plan(
    schema: Schema, selections: Selections, kind: OperationType
) -> "Plan | Changes | Watching":
    """Plan an operation.

    Raises:
        Unplanned: There is something in it for which there are no plans.
    """
    maker = Maker(selections, Source())
    root: Any = schema.core.get_root_type(kind)
    fields = selections.root(root)
    if kind is OperationType.SUBSCRIPTION:
        return Watching(schema, maker, fields)
    if kind is OperationType.MUTATION:
        if any(each[0].node.name.value.startswith("__") for each in fields.values()):
            raise Unplanned
        return Changes(schema, maker, fields)
    return Plan(schema, maker, fields)


class Plan:
    """What one query does, with the conditions in it decided."""

    def __init__(self, schema: Schema, maker: Maker, fields: Fields) -> None:
        """Plan.

        Raises:
            Unplanned: There is something in it for which there are no plans.
        """
        query: Any = schema.core.query_type
        self._fixed: dict[str, Any] = {}
        self._roots: list[tuple[str, Root]] = []
        for key, each in fields.items():
            name = each[0].node.name.value
            self._fixed[key] = query.name  # Holds the place in the order of the keys.
            if name in ROOTS:
                self._roots.append((key, ROOTS[name](schema, maker, each)))
            elif name != "__typename":
                raise Unplanned

    async def run(self, run: Run) -> dict[str, Any]:
        """Return `data`, and `errors` if a root field could not be answered.

        Raises:
            Unplanned: More went wrong than that.
        """
        data = dict(self._fixed)
        errors: list[dict[str, Any]] = []
        for key, root in self._roots:
            try:
                data[key] = await root.read(run)
            except TaskError as error:
                # The order of several errors is that of the ordinary path's loop.
                if errors:
                    raise Unplanned from None
                errors.append(_error(error, key, root))
                data[key] = None
        return {"data": data, "errors": errors} if errors else {"data": data}


def _error(error: TaskError, key: str, root: Root) -> dict[str, Any]:
    """Return the error of a root field, all of which may be null but the list of platforms."""
    return field_error(located_error(error, nodes(root.fields), [key]))
