"""A source for the tests of politeness, found by the catalogue like any other."""
