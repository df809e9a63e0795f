"""`sluice doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

import typer
from rich.text import Text

from sluice import doctor as examination
from sluice.cli.shell import AsJson, Shell, console, print_json
from sluice.doctor import Finding, State
from sluice.errors import SettingInvalid
from sluice.settings import Settings

_STYLES: Final = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "bold red"}


def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Check settings, database, broker, clocks and disk, and say what to do.

    Changes nothing. Ends with 0 when all works, warnings included, and with 1 when something
    does not.
    """
    show: Callable[[Finding], None] = (lambda _: None) if as_json else _print
    try:
        settings = Shell.of(context).settings()
    except SettingInvalid as error:
        advice = "Correct the variable and call this again; nothing else was looked at."
        findings = [Finding("settings", State.PROBLEM, str(error), advice)]
        show(findings[0])
    else:
        findings = asyncio.run(_examine(settings, show))
    healthy = not any(finding.state is State.PROBLEM for finding in findings)
    if as_json:
        print_json({"healthy": healthy, "findings": [asdict(each) for each in findings]})
    else:
        typer.echo(f"\n{_verdict(findings)}")
    if not healthy:
        raise typer.Exit(1)


async def _examine(settings: Settings, show: Callable[[Finding], None]) -> list[Finding]:
    findings: list[Finding] = []
    async for finding in examination.examine(settings):
        show(finding)
        findings.append(finding)
    return findings


def _print(finding: Finding) -> None:
    screen = console()
    state = (f"{finding.state:<9}", _STYLES[finding.state])
    screen.print(Text.assemble(state, f"{finding.check:<16}", finding.says), soft_wrap=True)
    if finding.advice is not None:
        screen.print(f"{'':<25}→ {finding.advice}", soft_wrap=True)


def _verdict(findings: list[Finding]) -> str:
    problems = sum(finding.state is State.PROBLEM for finding in findings)
    warnings = sum(finding.state is State.WARNING for finding in findings)
    if not problems and not warnings:
        return "All is well."
    return f"Problems: {problems}, warnings: {warnings}."
