"""`python -m sluice`, and what the `sluice` command calls."""

from sluice.cli.root import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
