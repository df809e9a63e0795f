"""How many files this process may have open: each connection is one."""

import sys
from typing import Final

#: More than a process can serve.
ENOUGH: Final = 65_536
#: With fewer, some browsers that watch are enough to keep the others out.
FEW: Final = 4_096


def raise_limit() -> int:
    """Raise the limit as far as the system lets us, and return it.

    Shells commonly give a process 1,024, and let it take many times as much.
    """
    if sys.platform == "win32":
        return ENOUGH
    import resource  # noqa: PLC0415 - Windows has none

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return ENOUGH if soft == resource.RLIM_INFINITY else soft
