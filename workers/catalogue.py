"""The platforms that can be read: found by looking, never listed.

Every module in the packages given is a source: one class, named like its file. A `group_id` is
`platform:target`, an address or form that a source recognises, or a bare id for the default
platform. Resolving asks nobody: no network, no database.
"""

import inspect
import pkgutil
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Final

from tasks.errors import (
    PlatformMissing,
    PlatformUnconfigured,
    PlatformUnknown,
    SourceClosed,
    TargetInvalid,
)
from tasks.models import PUSH
from tasks.ports import Target
from workers.source import Source, SourceState

SOURCES: Final = "workers.sources"
DEFAULT_PLATFORM_SETTING: Final = "SLUICE_DEFAULT_PLATFORM"

PLATFORM: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):(.*)", re.DOTALL)
ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
LONGEST_NAME: Final = 200  #: Of what a client sends itself.
#: An address whose scheme was left out, as people copy them: bsky.app/profile/x
SCHEMELESS: Final = re.compile(r"[\w-]+(?:\.[\w-]+)+/\S+")


class SourceCatalogue:
    """Implements `tasks.ports.Catalogue` and `Hosts` over the source files.

    `default_platform` takes bare ids. `credentials` maps settings' names to their values.
    Immutable once built, so it may be shared by threads.
    """

    def __init__(
        self,
        *,
        default_platform: str | None = None,
        credentials: Mapping[str, str] | None = None,
        packages: Sequence[str] = (SOURCES,),
    ) -> None:
        found = [kind(credentials) for package in packages for kind in discover(package)]
        self._sources = {source.info.name: source for source in found}
        if len(self._sources) < len(found) or PUSH in self._sources:
            raise TypeError("Two source files define the same platform, or one defines push.")
        self._default = default_platform or None
        if self._default is not None:
            self.source(self._default)

    @property
    def sources(self) -> Sequence[Source]:
        """List all sources by name."""
        return [self._sources[name] for name in sorted(self._sources)]

    def source(self, platform: str) -> Source:
        """Return the source of a platform.

        Raises:
            PlatformUnknown: There is none.
        """
        try:
            return self._sources[platform]
        except KeyError:
            raise self._unknown(platform) from None

    def resolve(self, group_id: str) -> Target:
        """Say which platform and target a `group_id` means. Pure.

        Raises:
            TargetInvalid: The platform is known, but this is not a target of it.
            PlatformUnknown: No source has this name or recognises this address.
            PlatformMissing: A bare id, and no default platform is set.
            PlatformUnconfigured: The platform needs settings that are not made.
            SourceClosed: The platform offers no API that may read this.
        """
        text = group_id.strip()
        if not text:
            raise TargetInvalid(
                "A group id must not be empty; write platform:target, or an address."
            )
        if (name := fed(text)) is not None:
            return Target(platform=PUSH, target=name)
        source, target = self._find(text)
        self._require_offered(source)
        # Before the settings: no setting opens what is closed, or makes sense of a wrong target.
        normalised = source.normalise(target.strip())
        self._require_configured(source)
        return Target(platform=source.info.name, target=normalised)

    def budget_key(self, target: Target) -> str | None:
        """Name the budget that a target's calls are counted in; None if nobody is called."""
        source = self._sources.get(target.platform)
        return None if source is None else source.budget_key(target.target)

    def _find(self, text: str) -> tuple[Source, str]:
        """Return whose target a `group_id` is, and the target as written."""
        is_address = ADDRESS.match(text) is not None
        named = None if is_address else PLATFORM.fullmatch(text)
        if named and named[1].lower() in self._sources:
            return self._sources[named[1].lower()], named[2]
        if (recognised := self._recognise(text)) is not None:
            return recognised
        if is_address:
            raise PlatformUnknown(self._address_unknown(text))
        if named:
            raise self._unknown(named[1])
        if self._default is None:
            raise PlatformMissing(
                f"{text!r} names no platform; write platform:{text}, or set "
                f"{DEFAULT_PLATFORM_SETTING} to the platform that takes bare ids."
            )
        return self._sources[self._default], text

    def _recognise(self, text: str) -> tuple[Source, str] | None:
        forms = [text, f"https://{text}"] if SCHEMELESS.fullmatch(text) else [text]
        for form in forms:
            for source in self.sources:
                if (target := source.recognise(form)) is not None:
                    return source, target
        return None

    def _require_offered(self, source: Source) -> None:
        info = source.info
        if source.state is SourceState.CLOSED and info.closure is not None:
            raise SourceClosed(
                f"{info.title} cannot be read since {info.closure.since}: {info.closure.reason}."
            )

    def _require_configured(self, source: Source) -> None:
        info = source.info
        if source.state is SourceState.NEEDS_KEY:
            variables = " and ".join(setting.variable for setting in source.missing)
            raise PlatformUnconfigured(
                f"{info.title} cannot be read here until an administrator sets {variables}."
            )

    def _unknown(self, platform: str) -> PlatformUnknown:
        names = sorted([*self._sources, PUSH])
        near = get_close_matches(platform.lower(), names, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(names)}."
        return PlatformUnknown(f"There is no platform {platform!r}; {hint}")

    def _address_unknown(self, address: str) -> str:
        hints = [
            f"if it is a {source.info.title}, write {source.info.name}:{address}"
            for source in self.sources
            if source.info.takes_any_address
        ]
        return "; ".join([f"No source recognises the address {address}", *hints]) + "."


def fed(group_id: str) -> str | None:
    """Return the name in `push:name`, whose posts a client sends itself; None if it is no such id.

    Raises:
        TargetInvalid: It is one, but without a name that can be shown.
    """
    named = PLATFORM.fullmatch(group_id)
    if named is None or named[1].lower() != PUSH:
        return None
    name = named[2].strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise TargetInvalid(
            f"What you send yourself has a name of 1 to {LONGEST_NAME} printable characters, such "
            f"as {PUSH}:my-collector."
        )
    return name


def discover(package: str) -> Sequence[type[Source]]:
    """Import a package's modules and return the source that each defines, by name.

    Raises:
        TypeError: A module defines none, several, or one that is not named like its file.
    """
    kinds: list[type[Source]] = []
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        loaded = import_module(module.name)
        defined = [
            kind
            for _, kind in inspect.getmembers(loaded, inspect.isclass)
            if issubclass(kind, Source) and kind.__module__ == module.name
        ]
        name = module.name.rpartition(".")[2]
        if [kind.info.name for kind in defined] != [name]:
            raise TypeError(f"{module.name} must define one Source, whose info.name is {name!r}.")
        kinds += defined
    return kinds
