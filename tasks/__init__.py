"""The task service that every door shares: models, statements, rules, errors and migrations.

Knows no web framework, no GraphQL library and no broker; what it needs from them it names
as protocols in `tasks/ports.py`, and `sluice/` injects them.
"""
