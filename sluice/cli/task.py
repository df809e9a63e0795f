"""`sluice task`: what clients do with tasks, from a shell."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Annotated, Final, TypeAlias

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sluice.cli.shell import (
    MAX_ID,
    AsJson,
    OfUser,
    Shell,
    console,
    principal_of,
    print_fields,
    print_json,
    print_table,
)
from sluice.cli.stream import Told, connect, told
from sluice.services import Services
from tasks import models
from tasks.models import EventType, TaskStatus
from tasks.principal import Principal
from tasks.service import TaskPage, TaskService
from tasks.validation import Listing, NewTask

commands = typer.Typer(help="What clients do with tasks.", no_args_is_help=True)

TaskId = Annotated[int, typer.Argument(metavar="ID", max=MAX_ID, help="The task's number.")]

#: Another process writes the events, so the log is asked; a person sees no difference below this.
POLL_SECONDS: Final = 0.3
#: Events that are read at a time.
BATCH: Final = 100

#: An event of the log, or of a server's stream.
Seen: TypeAlias = models.TaskEvent | Told
#: Shows events as they come, and returns the last.
Show: TypeAlias = Callable[[int, AsyncIterator[Seen]], Awaitable[Seen]]

_TERMINAL: Final = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.DELETED})


@commands.command()
def create(
    context: typer.Context,
    group_id: Annotated[
        str, typer.Argument(metavar="GROUP_ID", help="`platform:target`, or an address.")
    ],
    *,
    name: Annotated[str | None, typer.Option(help="The group's name, for reading.")] = None,
    max_posts: Annotated[int, typer.Option(help="Posts to collect, 1 to 500.")] = 100,
    priority: Annotated[int, typer.Option(help="Higher goes first.")] = 0,
    user: OfUser = None,
    as_json: AsJson = False,
) -> None:
    """Make a task. A running worker takes it within seconds."""
    new = NewTask.parse(
        {"group_id": group_id, "group_name": name, "max_posts": max_posts, "priority": priority}
    )

    async def work(services: Services) -> models.Task:
        return await services.tasks.create(await principal_of(services, user), new)

    shell = Shell.of(context)
    task = shell.run(work)
    if as_json:
        print_json(models.public(task))
    else:
        typer.echo(f"Made task {task.id}. Watch it: {shell.command} task watch {task.id}")


@commands.command("list")
def list_tasks(
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option(help="Only those in this status.")] = None,
    page: Annotated[int, typer.Option(help="Which page, from 1.")] = 1,
    per_page: Annotated[int, typer.Option(help="Tasks a page, at most 100.")] = 20,
    user: OfUser = None,
    as_json: AsJson = False,
) -> None:
    """List a user's tasks, newest first."""
    listing = Listing.parse({"status": status, "page": page, "per_page": per_page})

    async def work(services: Services) -> TaskPage:
        return await services.tasks.page(await principal_of(services, user), listing)

    found = Shell.of(context).run(work)
    if as_json:
        tasks = [models.public(task) for task in found.tasks]
        print_json({"total": found.total, "tasks": tasks})
        return
    print_table(
        ("ID", "Group", "Status", "Posts", "Priority", "Created", "Stopped because"),
        (
            (
                t.id,
                t.group_name or t.group_id,
                t.status,
                f"{t.posts_count}/{t.max_posts}",
                t.priority,
                t.created_at,
                t.error_code or t.stop_reason,
            )
            for t in found.tasks
        ),
    )
    if len(found.tasks) < found.total:
        typer.echo(f"{len(found.tasks)} of {found.total}; the rest with --page and --per-page.")


@commands.command()
def show(
    context: typer.Context, task_id: TaskId, *, user: OfUser = None, as_json: AsJson = False
) -> None:
    """Show everything about one task."""

    async def work(services: Services) -> models.Task:
        return await services.tasks.get(await principal_of(services, user), task_id)

    task = Shell.of(context).run(work)
    if as_json:
        print_json(models.public(task))
        return
    fields = {name: getattr(task, name) for name in models.PUBLIC_COLUMNS if name != "receipt"}
    print_fields({**fields, **{f"receipt.{k}": v for k, v in (task.receipt or {}).items()}})


@commands.command()
def cancel(
    context: typer.Context, task_id: TaskId, *, user: OfUser = None, as_json: AsJson = False
) -> None:
    """End an unfinished task; the posts it has so far stay."""

    async def work(services: Services) -> models.Task:
        return await services.tasks.cancel(await principal_of(services, user), task_id)

    task = Shell.of(context).run(work)
    if as_json:
        print_json(models.public(task))
    else:
        typer.echo(f"Cancelled task {task.id} at {task.posts_count} of {task.max_posts} posts.")


@commands.command()
def watch(
    context: typer.Context,
    task_id: TaskId,
    *,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Watch the stream of the server there, through reconnects and its restarts, "
            "instead of the log in the database.",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="SLUICE_TOKEN", help="Your token for that server."),
    ] = None,
    user: OfUser = None,
    as_json: AsJson = False,
) -> None:
    """Print each event of a task once, until its end.

    Ends with 0 if the task completed, with 1 if it failed or was deleted.
    """
    show = _print_lines if as_json else _show_progress

    async def local(services: Services) -> Seen:
        principal = await principal_of(services, user)
        return await show(task_id, follow(services.tasks, principal, task_id))

    if server is None:
        last = Shell.of(context).run(local)
    else:
        last = asyncio.run(_watch_server(server, token, task_id, show))
    if last.data.get("status") != TaskStatus.COMPLETED:
        raise typer.Exit(1)


async def _watch_server(server: str, token: str | None, task_id: int, show: Show) -> Seen:
    """Show what a server tells of a task; return the last."""
    tell = functools.partial(typer.echo, err=True)
    async with (
        connect(server, token) as client,
        contextlib.aclosing(told(client, task_id, tell=tell)) as events,
    ):
        return await show(task_id, events)


async def follow(
    tasks: TaskService, principal: Principal, task_id: int
) -> AsyncGenerator[models.TaskEvent]:
    """Yield a task's events from the first on, each once and in order, until its end.

    An end that a reset follows already is none: the events go on.
    """
    last: models.TaskEvent | None = None
    while True:
        events = await tasks.events(principal, task_id, after=last.seq if last else 0, limit=BATCH)
        for event in events:
            yield event
            last = event
        if len(events) == BATCH:
            continue  # There may be more, and a reset among it.
        if last is not None and last.type in _TERMINAL:
            return
        await asyncio.sleep(POLL_SECONDS)


async def _print_lines(task_id: int, events: AsyncIterator[Seen]) -> Seen:
    """Print each event as a line of JSON; return the last."""
    del task_id
    last: Seen | None = None
    async for event in events:
        print_json({"seq": event.seq, "type": event.type, "at": event.at, "task": event.data})
        last = event
    return _present(last)


async def _show_progress(task_id: int, events: AsyncIterator[Seen]) -> Seen:
    """Print each event as a line above a bar that shows the posts; return the last."""
    last: Seen | None = None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    screen = console()
    with Progress(
        *columns, console=screen, transient=True, disable=not screen.is_terminal
    ) as progress:
        bar = progress.add_task(f"task {task_id}", total=None)
        async for event in events:
            screen.print(_line(event), soft_wrap=True)
            progress.update(
                bar,
                total=event.data.get("max_posts"),
                completed=event.data.get("posts_count", 0),
            )
            last = event
    return _present(last)


def _line(event: Seen) -> str:
    """Say in one line what happened."""
    data = event.data
    said = f"{event.at:%H:%M:%S}  {event.type:<10} {data.get('posts_count', 0):>4} posts"
    if event.type == EventType.WAITING and data.get("not_before"):
        return f"{said}  until {data['not_before']}"
    if event.type in _TERMINAL:
        reason = data.get("error_message") or data.get("stop_reason") or ""
        return f"{said}  {reason}".rstrip()
    return said


def _present(event: Seen | None) -> Seen:
    """Return the event: nothing ends before one."""
    if event is None:
        raise AssertionError("the events ended before the first")
    return event
