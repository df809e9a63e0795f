from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from sluice.cli.token import parse_expiry
from tests.sluice.conftest import Command

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def test_a_user_is_made_listed_and_disabled(installed: Command) -> None:
    """With `--json`, each answer is the user."""
    made = installed("user", "create", "Bob@Example.org", "--admin", "--json").json
    disabled = installed("user", "disable", "bob@example.org", "--json").json
    listed = installed("user", "list", "--json").json

    assert (made["email"], made["is_admin"]) == ("bob@example.org", True)
    assert disabled["disabled_at"] is not None
    assert [user["email"] for user in listed] == ["ada@example.org", "bob@example.org"]
    assert "password" not in str(listed)


def test_a_taken_address_is_one_sentence(installed: Command) -> None:
    """Code 1: the usage was right."""
    ended = installed("user", "create", "ada@example.org")

    assert ended.code == 1
    assert ended.err == "sluice: There is a user ada@example.org already.\n"


def test_a_password_is_never_printed(installed: Command) -> None:
    """Neither when it is set nor when it is refused."""
    fine = installed("user", "password", "ada@example.org", "--password", "correct horse")
    short = installed("user", "password", "ada@example.org", "--password", "geheim")

    assert (fine.code, short.code) == (0, 1)
    assert "horse" not in fine.out + fine.err
    assert "geheim" not in short.out + short.err
    assert "8 to 1024 characters" in short.err


def test_quiet_prints_the_token_alone(installed: Command) -> None:
    """So that a shell can keep it: `TOKEN=$(sluice token create --quiet …)`."""
    ended = installed("token", "create", "--name", "ci", "--quiet")

    assert ended.code == 0
    assert ended.out.startswith("slc_")
    assert ended.out.count("\n") == 1
    assert ended.err == ""


def test_a_token_is_listed_by_its_beginning_and_revoked(installed: Command) -> None:
    """The whole token is shown only when it is made."""
    made = installed("token", "create", "--name", "ci", "--scope", "tasks:read", "--json").json
    revoked = installed("token", "revoke", str(made["id"]), "--json").json
    listed = installed("token", "list")

    assert made["scopes"] == ["tasks:read"]
    assert revoked["revoked_at"] is not None
    assert made["prefix"] in listed.out
    assert made["token"] not in listed.out


def test_an_unknown_scope_is_refused_with_those_that_exist(installed: Command) -> None:
    """The sentence is enough to correct it."""
    ended = installed("token", "create", "--name", "ci", "--scope", "task:read")

    assert ended.code == 1
    assert "tasks:read" in ended.err


def test_with_several_users_a_command_asks_which(installed: Command) -> None:
    """One user needs no `--user`; guessing among several would be worse than asking."""
    assert installed("token", "create", "--name", "ci").code == 0
    installed("user", "create", "bob@example.org")

    ended = installed("token", "create", "--name", "ci")

    assert ended.code == 1
    assert "--user ada@example.org" in ended.err
    assert installed("token", "create", "--name", "ci", "--user", "bob@example.org").code == 0


def test_an_unknown_user_or_token_is_one_sentence(installed: Command) -> None:
    """Code 1, and nothing is made."""
    for arguments in (
        ("token", "list", "--user", "eve@example.org"),
        ("user", "disable", "eve@example.org"),
        ("token", "revoke", "99"),
    ):
        ended = installed(*arguments)

        assert ended.code == 1
        assert ended.err.startswith("sluice: There is no ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12h", NOW + timedelta(hours=12)),
        ("90d", NOW + timedelta(days=90)),
        ("2w", NOW + timedelta(weeks=2)),
        ("2030-02-01", datetime(2030, 2, 1, tzinfo=UTC)),
        ("2030-02-01T00:00:00+02:00", datetime(2030, 1, 31, 22, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_span_or_a_moment(text: str, expected: datetime) -> None:
    """Moments without a zone are UTC."""
    assert parse_expiry(text, now=NOW) == expected


@given(st.one_of(st.text(max_size=20), st.from_regex(r"\d{1,7}[hdw]"), st.datetimes().map(str)))
def test_any_other_expiry_is_a_usage_error(text: str) -> None:
    """Never another error, and never a moment that has passed."""
    try:
        assert parse_expiry(text, now=NOW) > NOW
    except typer.BadParameter as error:
        assert str(error)  # noqa: PT017 - not raising is fine too


def test_a_link_signs_a_user_in(installed: Command) -> None:
    """At the address that serves, or at the one that people reach; the user must be allowed in."""
    own = installed("user", "link", "ada@example.org")
    public = installed(
        "user", "link", "ada@example.org", "--address", "https://sluice.example/", "--json"
    )
    unknown = installed("user", "link", "eve@example.org")
    wrong = installed("user", "link", "ada@example.org", "--address", "sluice.example")
    assert installed("user", "disable", "ada@example.org").code == 0
    disabled = installed("user", "link", "ada@example.org")

    assert own.out.startswith("http://127.0.0.1:8000/sign-in/link?token=")
    assert public.json["link"].startswith("https://sluice.example/sign-in/link?token=")
    assert (unknown.code, wrong.code, disabled.code) == (1, 2, 1)
    assert "no user eve@example.org" in unknown.err
    assert "must be an address" in wrong.err
    assert "is disabled" in disabled.err
