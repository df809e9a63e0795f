from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import SettingInvalid
from sluice.redaction import redact, redact_address
from sluice.settings import PREFIX, Settings, load, unknown_variables
from tasks.rate import Rate

README = Path(__file__).parents[2] / "README.md"


def documented_settings() -> dict[str, tuple[str, str]]:
    """Return the README's table: variable → (default, description)."""
    rows = [
        [cell.strip() for cell in line.strip("|\n").split(" | ")]
        for line in README.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{PREFIX}")
    ]
    return {row[0].strip("` "): (row[1], row[2].rstrip(" |")) for row in rows}


def shown_default(value: object) -> str:
    """Return a default as the README writes it."""
    return f"`{value}`" if value not in (None, ()) else "-"


def test_the_readme_lists_every_setting_and_nothing_else() -> None:
    """The table in README.md has each variable with its default and description, and no other."""
    expected = {
        f"{PREFIX}{name.upper()}": (shown_default(field.default), field.description)
        for name, field in Settings.model_fields.items()
    }

    assert documented_settings() == expected


def test_without_any_variable_the_database_is_in_the_data_directory() -> None:
    """The embedded default needs no variable at all."""
    settings = load(data_dir=Path("somewhere"))

    assert settings.database == f"sqlite:///{Path('somewhere').absolute()}/sluice.db"
    assert settings.database_is_sqlite
    assert settings.broker_is_in_memory


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed on the command line is more deliberate than the environment."""
    monkeypatch.setenv("SLUICE_PORT", "9000")

    assert load().port == 9000
    assert load(port=None).port == 9000
    assert load(port=9001).port == 9001


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass empty variables on."""
    monkeypatch.setenv("SLUICE_DATABASE_URL", "")

    assert load().database_url is None


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks around the commas, and a trailing one, do not matter."""
    monkeypatch.setenv("SLUICE_ALLOW_HOSTS", " 127.0.0.1 , feeds.internal:8080,")

    assert load().allow_hosts == ("127.0.0.1", "feeds.internal:8080")


def test_rates_are_read_by_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls and the seconds that they may be made in."""
    monkeypatch.setenv("SLUICE_RATE_LIMITS", "Mastodon.social=30/60, lemmy.ml=1/10")

    assert load().rates == {
        "mastodon.social": Rate(calls=30, seconds=60),
        "lemmy.ml": Rate(calls=1, seconds=10),
    }


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("ENV", "prod", "SLUICE_ENV is 'prod', but it must be development or production."),
        ("PORT", "http", "SLUICE_PORT is 'http', but it must be a whole number."),
        ("PORT", "70000", "SLUICE_PORT is '70000', but it must be at most 65535."),
        ("PORT", "1" * 5000, "but it must be a whole number."),
        ("LEASE_SECONDS", "0", "SLUICE_LEASE_SECONDS is '0', but it must be at least 5."),
        (
            "DATABASE_URL",
            "mysql://u:geheim@db/x",
            "'mysql://u:***@db/x', but it must be like postgresql://user:password@host/name or",
        ),
        ("DATABASE_URL", "sqlite://x", "it must be like postgresql://"),
        ("DATABASE_URL", "postgresql:///", "it must be like postgresql://"),
        ("DATABASE_URL", "postgresql://u:ge/heim@db/x", "'postgresql://u:***@db/x', but"),
        ("BROKER_URL", "kafka://x", "it must be like redis://host:6379/0 or amqp://host:5672."),
        ("BROKER_URL", "redis://h:port", "it must be like redis://host:6379/0"),
        ("REDIS_URL", "localhost:6379", "it must be like redis://host:6379/0."),
        ("DEFAULT_PLATFORM", "Sand Box", "it must be a platform's name in lower case"),
        ("CONTACT", "ops@exämple.org", "it must be printable ASCII, like ops@example.org."),
        ("RATE_LIMITS", "a.example=30", "but a.example=30 must be a host and its calls in so many"),
        ("RATE_LIMITS", "a.example=0/60", "like mastodon.social=30/60."),
        ("RATE_LIMITS", "https://a.example/=1/1", "like mastodon.social=30/60."),
        ("TRUSTED_PROXIES", "10.0.0.0/8, nginx", "but nginx must be an address or a network"),
        ("CORS_ORIGINS", "app.example.org", "but app.example.org must be an origin, like https:"),
        ("CORS_ORIGINS", "https://a.example/", "https://a.example/ must be an origin"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    """It says what is wrong, where, and what would be right; passwords are hidden."""
    monkeypatch.setenv(f"SLUICE_{variable}", value)

    with pytest.raises(SettingInvalid) as caught:
        load()

    assert str(caught.value).startswith(f"SLUICE_{variable} is ")
    assert sentence in str(caught.value)
    assert "heim" not in str(caught.value)


@given(
    variable=st.sampled_from(sorted(Settings.model_fields)),
    value=st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40),
)
def test_no_value_whatever_ends_in_anything_but_settings_or_a_sentence(
    variable: str, value: str
) -> None:
    """Any text in any variable is accepted or refused in one line, never with another error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"SLUICE_{variable.upper()}", value)

        try:
            load()
        except SettingInvalid as error:
            assert str(error).startswith(f"SLUICE_{variable.upper()} is ")  # noqa: PT017 - not raising is fine too


def test_an_unknown_variable_is_named_with_the_nearest_setting() -> None:
    """A typing error must not be silent."""
    environment = {"SLUICE_DATABSE_URL": "x", "SLUICE_PORT": "1", "SLUICE_TEST_SERVERS": "x"}
    environment["SLUICE_REDDIT_SECRET"] = "x"

    [sentence] = unknown_variables(environment, sources=["SLUICE_REDDIT_SECRET"])

    assert sentence.startswith("SLUICE_DATABSE_URL is no setting of Sluice and has no effect")
    assert sentence.endswith("did you mean SLUICE_DATABASE_URL?")


def test_printing_the_settings_shows_no_address() -> None:
    """A repr ends up in logs."""
    settings = load(
        database_url="postgresql://u:geheim@db/x",
        broker_url="amqp://u:geheim@mq",
        redis_url="redis://:geheim@cache",
    )

    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no address", "no address"),
        ("at redis://:pw@h:6379/0.", "at redis://:***@h:6379/0."),
        ("postgresql://u:p@w:x@h/db", "postgresql://u:***@h/db"),
        ("postgresql://h/db?user=u&password=pw&x=1", "postgresql://h/db?user=u&password=***&x=1"),
        ("http://localhost:3000/@user", "http://localhost:3000/@user"),
        ("a://u:1@h b://u:2@h", "a://u:***@h b://u:***@h"),
    ],
)
def test_passwords_in_texts_are_hidden(text: str, shown: str) -> None:
    """And what is no password stays."""
    assert redact(text) == shown


@given(password=st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1))
def test_no_password_survives_in_a_single_address(password: str) -> None:
    """Not even one that makes the address unusable."""
    marked = f"<<{password}>>"

    assert "<<" not in redact_address(f"redis://user:{marked}@host:6379/0")
