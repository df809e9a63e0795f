from pathlib import Path

from sluice.settings import load, unknown_variables
from sluice.sources import catalogue, variables
from workers.source import SourceState

README = Path(__file__).parents[2] / "README.md"


def documented() -> list[tuple[str, ...]]:
    """Return the rows of the README's table of platforms' settings."""
    _, _, rest = README.read_text(encoding="utf-8").partition("| Platform | Variable |")
    table, _, _ = rest.partition("\n\n")
    return [
        tuple(cell.strip("` ") for cell in line.strip("|").split(" | "))
        for line in table.splitlines()[2:]
    ]


def test_the_readme_lists_every_platforms_settings_and_nothing_else() -> None:
    """With the words of the source files, in which a platform's settings are said once."""
    assert documented() == [
        (
            source.info.title,
            setting.variable,
            "yes" if setting.required else "no",
            setting.help.strip("`"),
        )
        for source in catalogue(load()).sources
        for setting in source.info.settings
    ]


def test_a_credential_reaches_its_source_by_its_name() -> None:
    """Whatever a source asks for is read from the environment, without a list in between."""
    sources = catalogue(load(), {"SLUICE_YOUTUBE_API_KEY": "key", "SLUICE_VK_ACCESS_TOKEN": ""})

    assert sources.source("youtube").credentials == {"youtube_api_key": "key"}
    assert sources.source("youtube").state is SourceState.OPEN
    assert sources.source("vk").state is SourceState.NEEDS_KEY


def test_a_platform_is_switched_on_by_its_setting() -> None:
    """Telegram's preview is read only where an administrator wants it."""
    on = catalogue(load(), {"SLUICE_TELEGRAM_PREVIEW": "on"})

    assert on.source("telegram").state is SourceState.OPEN
    assert catalogue(load(), {}).source("telegram").state is SourceState.NEEDS_KEY


def test_the_platforms_variables_are_known() -> None:
    """No warning for what a source reads; a typing error gets the nearest."""
    known = variables(catalogue(load()))
    environment = {"SLUICE_YOUTUBE_API_KEY": "key", "SLUICE_YOUTUBE_APIKEY": "key"}

    (sentence,) = unknown_variables(environment, sources=known)

    assert "did you mean SLUICE_YOUTUBE_API_KEY" in sentence
