"""The models are one package: what any module of it declares can be had from `tasks.models`."""

import pkgutil
from importlib import import_module

from tasks import models


def test_no_table_is_left_out() -> None:
    """A module that nothing imports would leave its tables out of migrations and backups."""
    for module in pkgutil.iter_modules(models.__path__, "tasks.models."):
        import_module(module.name)

    declared = {model.__name__ for model in models.Record.__subclasses__()}
    assert declared <= set(models.__all__)
