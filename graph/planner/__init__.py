"""Plans: what is done once for a document, so that a request does only what is its own.

Executing GraphQL as its specification words it asks every field of every object anew: which type
am I, what are my arguments, who resolves me, may my value be null? For a document all but a few of
these answers are always the same. A plan is those answers. What remains for a request is

    variables → arguments → one statement for a page or object → rows → one function → JSON

**A plan says only what goes well.** Whatever else happens (a variable of the wrong type, a missing
scope below the root, a value in the database that its type does not allow, a field that stands in
no table) raises `Unplanned`, and graphql-core executes the request as if there were no plans:
queries change nothing, so beginning again is free of consequences. The one exception is an error
of a single root field (no such task, a cursor of another list), which clients meet every day; it
is reported here in the ordinary path's words. So every answer is either the ordinary path's own,
or one that a comparison of generated documents found to be the same byte for byte
(`tests/graph/test_planner_differential.py`).

**One query, step by step**, for `{ tasks(first: 15) { edges { cursor node { id status } } } }`:

1.  `graph/documents.py` parses, limits and validates the text and keeps the document. Each of its
    operations holds a `Planned` (`plan.py`), which has done nothing yet.
2.  `graph/execution.py` charges the operation's cost and asks `Planned.answer`. `argument.py`
    coerces the variables. Those that `@include` and `@skip` ask choose the plan: there is one for
    each set of their values, so that a plan has no conditions in it.
3.  The first time, `Plan` collects the root fields (`selection.py`, with graphql-core's own code,
    so that fragments and merging are never ours to get wrong) and makes a `Root` of each.
4.  `root.py: Tasks` binds the arguments: what is literal is converted now, for what is a variable
    a reader is kept (`argument.py`).
5.  `rows.py: connection` writes the connection's expression, and `task.py: TaskMaker` that of a
    task. Every leaf is a line of `table.py`: `status` is `TaskStatus[@status@]`, where `@…@` is a
    column. The columns that occur are those that are read. `source.py` compiles the whole:

        lambda page, mark, total: {'edges': [{'cursor': mark(r), 'node':
            {'id': global_id(b'Task:%d' % r[0]), 'status': TaskStatus[r[1]]}} for r in page.rows]}

6.  A request runs `Tasks.read`: window, filter and order from the arguments;
    `QueryService.task_rows` checks the scope and reads just those columns, one row more than the
    page; the function makes the answer. `orjson` writes it.

What hangs on tasks (`task.py: Nested`: posts, events, why they wait) is read for all tasks of the
page by one statement each, before the function runs, and is handed to it as `n0`, `n1` and on.

Objects that are not read by the row (`viewer`, `platforms`, a task's result) are made by the same
code as on the ordinary path, and encoded by functions that `plain.py` derives from Strawberry's
definitions. So are the payloads of mutations (`mutation.py`), which cannot begin again: whatever
may raise `Unplanned` comes before the first resolver. A subscription's resolver is called and its
items are encoded in the same way (`subscription.py`); an item for which that fails goes the
ordinary path alone. `graph/executor.py` uses the same functions wherever else the ordinary path
meets a plain object.

A new field of a task wants a line in `table.py`, or a test fails; until then its documents take
the ordinary path. A new root field wants a class in `root.py`, or nothing at all.
"""

from graph.planner.plan import Planned

__all__ = ["Planned"]
