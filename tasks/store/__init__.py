"""All SQL of the product, one module a noun. Statements are built at import and never change.

Functions here are transactions, or parts of one (`Steps`): they decide nothing that a rule of
the product could be asked about; `tasks/service.py`, `tasks/work.py` and `tasks/accounts.py` do.
Locks are taken in the order: claim lock, `queue_owner`, `task`.
"""
