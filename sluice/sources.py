"""The platforms that this installation can read, with its settings applied."""

import os
from collections.abc import Mapping

from sluice.data_directory import DataDirectory
from sluice.errors import SettingInvalid
from sluice.instruments import VERSION
from sluice.settings import PREFIX, Settings
from tasks.errors import TargetError
from workers.budget import Budget
from workers.catalogue import SourceCatalogue
from workers.http import HttpClient, Limits


def catalogue(settings: Settings, environment: Mapping[str, str] = os.environ) -> SourceCatalogue:
    """Find the sources and give them the default platform and their credentials.

    Raises:
        SettingInvalid: The default platform is none.
    """
    try:
        return SourceCatalogue(
            default_platform=default_platform(settings), credentials=_credentials(environment)
        )
    except TargetError as error:
        chosen = f"The default platform that was chosen for {settings.data_dir.absolute()}"
        which = f"{PREFIX}DEFAULT_PLATFORM" if settings.default_platform is not None else chosen
        raise SettingInvalid(
            f"{which} cannot be used. {error} Set {PREFIX}DEFAULT_PLATFORM to one that exists."
        ) from None


def default_platform(settings: Settings) -> str | None:
    """Return the platform of bare ids: the setting, else what the data directory was told.

    The directory's choice holds for its own database alone, so that nobody's production client
    gets invented posts.
    """
    if settings.default_platform is not None or not settings.database_is_embedded:
        return settings.default_platform
    return DataDirectory(settings.data_dir).default_platform()


def http_client(settings: Settings, *, budget: Budget | None = None) -> HttpClient:
    """Return the way out to platforms; it belongs to the running event loop.

    Without `budget` it counts the calls to hosts for itself.
    """
    return HttpClient(
        version=VERSION,
        contact=settings.contact,
        allow_hosts=settings.allow_hosts,
        limits=Limits(max_bytes=settings.max_reply_bytes),
        budget=budget,
    )


def variables(sources: SourceCatalogue) -> set[str]:
    """Name the environment variables that the sources read."""
    return {setting.variable for source in sources.sources for setting in source.info.settings}


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what is set, by the names that sources give their settings."""
    return {
        variable.removeprefix(PREFIX).lower(): value
        for variable, value in environment.items()
        if variable.startswith(PREFIX) and value
    }
