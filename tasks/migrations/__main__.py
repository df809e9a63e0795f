"""Write a migration from the models: `make migration NAME="add a column"`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tasks.migrations import generate, migrate


async def _main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'migration.db'}"
        await migrate(url)
        await generate(name, url)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].strip():  # noqa: PLR2004 - the program and the name
        sys.exit('A migration needs a name: make migration NAME="add a column"')
    asyncio.run(_main(sys.argv[1]))
