"""How many files a process may have open."""

import resource
import subprocess
import sys

from sluice.open_files import ENOUGH


def test_a_low_limit_is_raised_as_far_as_the_system_allows() -> None:
    """In a process of its own, since a limit holds for all of a process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    program = (
        "import resource; from sluice.open_files import raise_limit;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}));"
        "print(raise_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )

    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ended.stdout.split() == [str(wanted)] * 2
