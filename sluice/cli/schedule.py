"""`sluice schedule`: tasks that come back, from a shell."""

from typing import Annotated

import typer

from sluice.cli.shell import (
    MAX_ID,
    AsJson,
    OfUser,
    Shell,
    principal_of,
    print_fields,
    print_json,
    print_table,
)
from sluice.services import Services
from tasks.models import Schedule
from tasks.recurrence import format_duration
from tasks.schedules import public
from tasks.validation import NewSchedule

commands = typer.Typer(help="Tasks that come back.", no_args_is_help=True)

ScheduleId = Annotated[int, typer.Argument(metavar="ID", max=MAX_ID, help="The schedule's number.")]


@commands.command()
def create(
    context: typer.Context,
    group_id: Annotated[
        str, typer.Argument(metavar="GROUP_ID", help="`platform:target`, or an address.")
    ],
    *,
    every: Annotated[
        str,
        typer.Option(
            metavar="DURATION", help="How often: PT15M, PT6H, P1D, or seconds; from one minute on."
        ),
    ],
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Collect only what the runs before did not.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="The group's name, for reading.")] = None,
    max_posts: Annotated[int, typer.Option(help="Posts that a run collects, 1 to 500.")] = 100,
    priority: Annotated[int, typer.Option(help="Of the runs; higher goes first.")] = 0,
    user: OfUser = None,
    as_json: AsJson = False,
) -> None:
    """Make a schedule. A running worker makes its first run within seconds."""
    new = NewSchedule.parse(
        {
            "group_id": group_id,
            "group_name": name,
            "max_posts": max_posts,
            "priority": priority,
            "every": every,
            "only_new": only_new,
        }
    )

    async def work(services: Services) -> Schedule:
        return await services.schedules.create(await principal_of(services, user), new)

    made = Shell.of(context).run(work)
    how_often = format_duration(made.every_seconds)
    _tell(made, f"Made schedule {made.id}, which runs every {how_often}.", as_json=as_json)


@commands.command("list")
def list_schedules(
    context: typer.Context,
    *,
    after: Annotated[
        int, typer.Option(min=0, max=MAX_ID, help="Only those with a greater ID.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    user: OfUser = None,
    as_json: AsJson = False,
) -> None:
    """List a user's schedules, oldest first."""

    async def work(services: Services) -> list[Schedule]:
        principal = await principal_of(services, user)
        return await services.schedules.page(principal, after=after, limit=limit)

    found = Shell.of(context).run(work)
    if as_json:
        print_json([public(schedule) for schedule in found])
        return
    print_table(
        ("ID", "Group", "Every", "Only new", "Next run", "Last task", "Paused"),
        (
            (
                s.id,
                s.group_name or s.group_id,
                format_duration(s.every_seconds),
                s.only_new,
                s.next_run_at if s.paused_at is None else None,
                s.last_task_id,
                s.paused_at,
            )
            for s in found
        ),
    )


@commands.command()
def show(
    context: typer.Context, schedule_id: ScheduleId, *, user: OfUser = None, as_json: AsJson = False
) -> None:
    """Show everything about one schedule."""

    async def work(services: Services) -> Schedule:
        return await services.schedules.get(await principal_of(services, user), schedule_id)

    (print_json if as_json else print_fields)(public(Shell.of(context).run(work)))


@commands.command()
def pause(
    context: typer.Context, schedule_id: ScheduleId, *, user: OfUser = None, as_json: AsJson = False
) -> None:
    """Make no more runs; one that is open goes on."""

    async def work(services: Services) -> Schedule:
        return await services.schedules.pause(await principal_of(services, user), schedule_id)

    paused = Shell.of(context).run(work)
    _tell(paused, f"Paused schedule {paused.id}.", as_json=as_json)


@commands.command()
def resume(
    context: typer.Context, schedule_id: ScheduleId, *, user: OfUser = None, as_json: AsJson = False
) -> None:
    """Make runs again, from the next of its times on."""

    async def work(services: Services) -> Schedule:
        return await services.schedules.resume(await principal_of(services, user), schedule_id)

    resumed = Shell.of(context).run(work)
    at = f"{resumed.next_run_at:%Y-%m-%d %H:%M:%S}Z"
    _tell(resumed, f"Schedule {resumed.id} runs again, next at {at}.", as_json=as_json)


@commands.command()
def delete(
    context: typer.Context, schedule_id: ScheduleId, *, user: OfUser = None, as_json: AsJson = False
) -> None:
    """Delete a schedule; the tasks that it made stay."""

    async def work(services: Services) -> Schedule:
        principal = await principal_of(services, user)
        found = await services.schedules.get(principal, schedule_id)
        await services.schedules.delete(principal, schedule_id)
        return found

    deleted = Shell.of(context).run(work)
    _tell(deleted, f"Deleted schedule {deleted.id}.", as_json=as_json)


def _tell(schedule: Schedule, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(public(schedule))
    else:
        typer.echo(sentence)
