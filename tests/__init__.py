"""Tests mirror the tree; `acceptance/` runs real processes."""
