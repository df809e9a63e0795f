"""A fault campaign: the whole installation on servers of its own, and everything goes wrong."""
