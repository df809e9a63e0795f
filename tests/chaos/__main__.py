"""`make chaos`: the long campaign, with its report on standard output."""

import argparse
import sys

from tests.chaos.campaign import Plan, run


def main() -> int:
    """Run; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--broker", choices=["rabbitmq", "redis"], default="rabbitmq")
    parser.add_argument("--no-skew", dest="skewed", action="store_false")
    parser.add_argument("--seed", type=int)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    report = run(Plan(**given))
    print(report.text())  # noqa: T201 - the report is for whoever ran it
    return 1 if report.verdict.broken else 0


if __name__ == "__main__":
    sys.exit(main())
