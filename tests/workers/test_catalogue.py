import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import (
    PlatformMissing,
    PlatformUnconfigured,
    PlatformUnknown,
    SourceClosed,
    TargetError,
    TargetInvalid,
)
from tasks.ports import Target
from workers.catalogue import SOURCES, SourceCatalogue

#: With a platform for bare ids; immutable.
CATALOGUE = SourceCatalogue(default_platform="sandbox")

PLATFORM = '''
from datetime import date
from tasks.errors import TargetInvalid
from workers.source import Closure, Evidence, Page, Setting, Source, SourceInfo


class Lantern(Source):
    """A platform that a test adds."""

    info = SourceInfo(
        name="lantern",
        title="Lantern",
        target_help="A room's name.",
        examples=("hall",),
        documentation="https://lantern.example/docs",
        read_on=date(2026, 1, 1),
        verified=Evidence.DOCUMENTS,
        {extra}
    )

    def recognise(self, address):
        start = "https://lantern.example/"
        return address.removeprefix(start) if address.startswith(start) else None

    def normalise(self, target):
        return target.lower()

    def host(self, target):
        return "lantern.example"

    async def pages(self, walk, http):
        yield Page()
'''


def lantern(
    folder: Path, monkeypatch: pytest.MonkeyPatch, extra: str = "", **settings: str
) -> SourceCatalogue:
    """Return a catalogue that also finds the platform `lantern` in a package of its own."""
    name = f"sources_{folder.name}".replace("-", "_")
    package = folder / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "lantern.py").write_text(PLATFORM.format(extra=extra), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.delitem(sys.modules, name, raising=False)
    return SourceCatalogue(packages=(SOURCES, name), credentials=settings)


@pytest.fixture
def catalogue() -> SourceCatalogue:
    """Return the catalogue of the shipped sources."""
    return SourceCatalogue(default_platform="sandbox")


@pytest.mark.parametrize(
    ("group_id", "target"),
    [
        ("sandbox:happy", Target(platform="sandbox", target="happy")),
        ("  Sandbox: happy ", Target(platform="sandbox", target="happy")),
        ("happy", Target(platform="sandbox", target="happy")),
        ("123456", Target(platform="sandbox", target="123456")),
        (
            "feed:https://example.org/feed.xml",
            Target(platform="feed", target="https://example.org/feed.xml"),
        ),
        ("feed://example.org/f", Target(platform="feed", target="https://example.org/f")),
    ],
)
def test_a_group_id_leads_to_a_target(
    catalogue: SourceCatalogue, group_id: str, target: Target
) -> None:
    """By its platform, or as a bare id of the default platform."""
    assert catalogue.resolve(group_id) == target


def test_a_bare_id_without_default_names_the_setting() -> None:
    """Nobody gets invented posts without having asked for them."""
    with pytest.raises(PlatformMissing, match="SLUICE_DEFAULT_PLATFORM"):
        SourceCatalogue().resolve("123456")


def test_an_unknown_platform_gets_suggestions(catalogue: SourceCatalogue) -> None:
    """A typing error is answered with what was probably meant."""
    with pytest.raises(PlatformUnknown, match="did you mean sandbox"):
        catalogue.resolve("sandbux:happy")
    with pytest.raises(PlatformUnknown, match=r"known are .*feed, .*sandbox"):
        catalogue.resolve("zzzzzz:happy")


def test_an_unknown_address_may_be_a_feed(catalogue: SourceCatalogue) -> None:
    """The answer says how to ask for it as one."""
    with pytest.raises(PlatformUnknown, match=r"write feed:https://example\.org/news\."):
        catalogue.resolve("https://example.org/news")


@pytest.mark.parametrize("group_id", ["", "  ", "feed:", "sandbox:", "feed:example.org"])
def test_a_wrong_target_is_refused(catalogue: SourceCatalogue, group_id: str) -> None:
    """Before the network is asked."""
    with pytest.raises(TargetInvalid):
        catalogue.resolve(group_id)


def test_an_unknown_default_is_refused_at_once() -> None:
    """A typing error in the setting shows at the start, not with the first task."""
    with pytest.raises(PlatformUnknown):
        SourceCatalogue(default_platform="sandbux")


@given(st.text(max_size=50))
def test_resolving_never_crashes(group_id: str) -> None:
    """Any text leads to a target or to a refusal that is a sentence."""
    sentence = "."
    try:
        CATALOGUE.resolve(group_id)
    except TargetError as error:
        sentence = str(error)

    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("pasted", "target"),
    [
        ("https://bsky.app/profile/bsky.app", Target("bluesky", "bsky.app")),
        ("bsky.app/profile/bsky.app", Target("bluesky", "bsky.app")),
        ("@alice.bsky.social", Target("bluesky", "alice.bsky.social")),
        ("did:plc:z72i7hdynmk6r22z27h6tvur", Target("bluesky", "did:plc:z72i7hdynmk6r22z27h6tvur")),
        ("https://mastodon.social/@ana", Target("mastodon", "mastodon.social/@ana")),
        ("mastodon.social/@ana", Target("mastodon", "mastodon.social/@ana")),
        ("@ana@mastodon.social", Target("mastodon", "mastodon.social/@ana")),
        ("https://mastodon.social/tags/Python", Target("mastodon", "mastodon.social/#python")),
        ("!technology@lemmy.world", Target("lemmy", "lemmy.world/c/technology")),
        ("https://lemmy.world/c/technology", Target("lemmy", "lemmy.world/c/technology")),
        (
            "https://meta.discourse.org/c/support/6",
            Target("discourse", "meta.discourse.org/c/support/6"),
        ),
        ("https://meta.discourse.org/t/welcome/9/3", Target("discourse", "meta.discourse.org/t/9")),
        ("https://meta.discourse.org/tag/ux", Target("discourse", "meta.discourse.org/tag/ux")),
        ("https://news.ycombinator.com/item?id=8863", Target("hackernews", "item/8863")),
        ("https://example.org/wp-json/wp/v2/comments", Target("wordpress", "example.org#comments")),
    ],
)
def test_an_address_is_one_platforms_alone(
    catalogue: SourceCatalogue, pasted: str, target: Target
) -> None:
    """What people paste leads to one platform, and no other source claims it as well."""
    whole = pasted if "://" in pasted or not pasted[0].isalpha() else f"https://{pasted}"

    assert catalogue.resolve(pasted) == target
    claims = [source.info.name for source in catalogue.sources if source.recognise(whole)]
    assert claims == [target.platform] or pasted.startswith("did:")


def test_a_platform_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is all it takes: its name, its addresses, and the lists follow."""
    catalogue = lantern(tmp_path, monkeypatch)

    assert catalogue.resolve("lantern:HALL") == Target(platform="lantern", target="hall")
    for address in ("https://lantern.example/Hall", "lantern.example/Hall"):
        assert catalogue.resolve(address) == Target(platform="lantern", target="hall")
    assert "lantern" in [source.info.name for source in catalogue.sources]


def test_a_platform_without_its_key_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And opens as soon as the setting is made, with a budget of its own."""
    extra = 'settings=(Setting(name="lantern_key", help="A key."),),'
    closed = lantern(tmp_path, monkeypatch, extra)
    package = f"sources_{tmp_path.name}".replace("-", "_")
    opened = SourceCatalogue(packages=(package,), credentials={"lantern_key": "k", "other": "x"})

    with pytest.raises(PlatformUnconfigured, match="SLUICE_LANTERN_KEY"):
        closed.resolve("lantern:hall")

    assert opened.resolve("lantern:hall").target == "hall"
    source = opened.source("lantern")
    assert source.auth_mode == "credential"
    assert dict(source.credentials) == {"lantern_key": "k"}
    assert source.budget_key("hall") != closed.source("lantern").budget_key("hall")


def test_a_closed_platform_says_since_when_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task is made that cannot succeed."""
    extra = 'closure=Closure(since=date(2024, 4, 22), reason="its API was removed"),'
    catalogue = lantern(tmp_path, monkeypatch, extra)

    with pytest.raises(SourceClosed, match=r"2024-04-22: its API was removed\."):
        catalogue.resolve("lantern:hall")


def test_a_file_without_a_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is no source would otherwise be missed in silence."""
    package = tmp_path / "sources_empty"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "nothing.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    with pytest.raises(TypeError, match=r"sources_empty\.nothing must define one Source"):
        SourceCatalogue(packages=("sources_empty",))


@pytest.mark.parametrize(
    "written", ["push:my collector", "PUSH: my collector ", " push:my collector"]
)
def test_what_a_client_sends_has_any_name(catalogue: SourceCatalogue, written: str) -> None:
    """No source is behind it, so nothing but its name is checked."""
    assert catalogue.resolve(written) == Target(platform="push", target="my collector")


@pytest.mark.parametrize("written", ["push:", "push: ", "push:a\nb", f"push:{'a' * 201}"])
def test_what_a_client_sends_has_a_name(catalogue: SourceCatalogue, written: str) -> None:
    """One that can be shown in a line."""
    with pytest.raises(TargetInvalid, match="1 to 200 printable characters"):
        catalogue.resolve(written)


def test_the_nearest_platform_may_be_push(catalogue: SourceCatalogue) -> None:
    """It is suggested like any other."""
    with pytest.raises(PlatformUnknown, match="did you mean push"):
        catalogue.resolve("pusch:mine")
