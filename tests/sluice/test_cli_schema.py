from graph.released import CURRENT
from tests.sluice.conftest import Command


def test_the_schema_is_printed_as_it_is_committed(sluice: Command) -> None:
    """`sluice schema > schema.graphql` changes nothing."""
    assert sluice("schema").out == CURRENT.read_text()


def test_the_schema_keeps_what_was_released(sluice: Command) -> None:
    """`--check` ends well."""
    assert sluice("schema", "--check").code == 0
