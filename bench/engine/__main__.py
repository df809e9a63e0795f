"""`make bench-engine`: the engine's rates, its peers' in the same run, and the ratios."""

import asyncio
import platform
import subprocess
import sys
from typing import Any

from bench.engine import claims, posts, slow, throughput
from bench.engine.installation import POSTGRES, driver
from bench.engine.throughput import PEERS


async def main(peers: str) -> None:
    """Measure everything."""
    await versions(peers)
    print("\nNo-op tasks, created to completed, one worker process:")
    rates = await throughput.main(peers)
    for tasks, rate in rates.items():
        print(f"  {tasks:,} tasks: {rate['sluice']:.0f} a second (target: 500)")
        print(f"    {rate['sluice'] / rate['procrastinate']:.2f} times procrastinate (target: 3)")
        print(f"    {rate['sluice'] / rate['dramatiq']:.2f} of bare Dramatiq (target: 0.25)")
    print("\nClaims:")
    await claims.main()
    print("\nPosts through the page write:")
    await posts.main()
    print("\nSlow tasks:")
    await slow.main()


def install_peers() -> str:
    """Install the peers, once, in an environment of their own; return its Python."""
    folder = PEERS / ".venv"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        lock = str(PEERS / "requirements.lock")
        install = [str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", lock]
        subprocess.run(install, check=True)
    return str(python)


async def versions(peers: str) -> None:
    """Say what is measured."""
    connection: Any = await driver.connect(POSTGRES)
    server = await connection.fetchval("SHOW server_version")
    commit = await connection.fetchval("SHOW synchronous_commit")
    await connection.close()
    listed = await asyncio.create_subprocess_exec(
        peers, "-m", "pip", "list", "--format=freeze", stdout=subprocess.PIPE
    )
    installed = (await listed.communicate())[0].decode().split()
    wanted = ("procrastinate", "dramatiq", "psycopg=", "redis=")
    print(f"Python {platform.python_version()}, PostgreSQL {server}, synchronous_commit {commit}")
    print("peers:", ", ".join(each for each in installed if each.startswith(wanted)))


if __name__ == "__main__":
    asyncio.run(main(install_peers()))
