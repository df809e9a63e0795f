import pytest

from tests.sluice.conftest import Command


def test_a_schedule_is_made_shown_paused_resumed_and_deleted(installed: Command) -> None:
    """With `--json`, each answer is the schedule."""
    made = installed(
        *("schedule", "create", "sandbox:happy", "--every", "PT6H", "--only-new", "--json"),
        *("--name", "Group", "--max-posts", "7", "--priority", "-3"),
    ).json
    shown = installed("schedule", "show", "1", "--json").json
    listed = installed("schedule", "list", "--json").json
    paused = installed("schedule", "pause", "1", "--json").json
    resumed = installed("schedule", "resume", "1", "--json").json
    deleted = installed("schedule", "delete", "1", "--json").json

    assert (made["every"], made["only_new"], made["group_name"]) == ("PT6H", True, "Group")
    assert (made["max_posts"], made["priority"], made["last_task_id"]) == (7, -3, None)
    assert shown == made
    assert listed == [made]
    assert paused["paused_at"] is not None
    assert resumed["paused_at"] is None
    assert deleted["id"] == made["id"]
    assert installed("schedule", "list", "--json").json == []


def test_tables_and_sentences_are_for_reading(installed: Command) -> None:
    """A duration in seconds is shown as people write it."""
    made = installed("schedule", "create", "sandbox:happy", "--every", "5400")

    assert made.out == "Made schedule 1, which runs every PT1H30M.\n"
    assert "PT1H30M" in installed("schedule", "list").out
    assert "sandbox:happy" in installed("schedule", "show", "1").out
    assert installed("schedule", "pause", "1").out == "Paused schedule 1.\n"
    assert "runs again, next at 2" in installed("schedule", "resume", "1").out
    assert installed("schedule", "delete", "1").out == "Deleted schedule 1.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create", "sandbox:happy", "--every", "P1M"), "must be a duration such as PT15M"),
        (("create", "sandbox:happy", "--every", "59"), "at least one minute"),
        (("create", "sandbx:happy", "--every", "P1D"), "did you mean sandbox?"),
        (("show", "9"), "There is no schedule 9."),
        (("pause", "9"), "There is no schedule 9."),
        (("resume", "9"), "There is no schedule 9."),
        (("delete", "9"), "There is no schedule 9."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    installed: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    """On standard error, with code 1, and nothing on standard output."""
    ended = installed("schedule", *arguments)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("\n") == 1
    assert sentence in ended.err
