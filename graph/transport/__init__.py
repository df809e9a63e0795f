"""How subscriptions travel, one module a protocol; each judged by its protocol's text."""
