"""The first step of `make run`: secrets for this installation, and ports that are free.

Everything is configured from the environment. What the environment does not give is read from `var/env`,
which this module writes once, readable by its owner alone. Delete the file and every session and stored
reseller password is unreadable, so it belongs in the backup.
"""

import os
import secrets
import socket
import sys
from itertools import combinations
from pathlib import Path

from cryptography.fernet import Fernet

from safekeeping.files import write_privately


def data_directory() -> Path:
    """Where this installation keeps its data: `VAR_DIR`, or `var/` beside the code."""
    return Path(os.environ.get("VAR_DIR") or Path(__file__).resolve().parent.parent / "var")


def new_secrets() -> dict[str, str]:
    """One fresh value for each secret that an installation needs."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SEAL_KEYS": Fernet.generate_key().decode(),
        "VALKEY_PASSWORD": secrets.token_urlsafe(24),
        "PROVIDER_SECRET_KEY": secrets.token_urlsafe(50),
        "DEMO_PASSWORD": secrets.token_urlsafe(9),
    }


def database_secret() -> dict[str, str]:
    """The password of the database server that `docker-compose.yml` starts."""
    return {"POSTGRES_PASSWORD": secrets.token_urlsafe(24)}


def write_env_file(path: Path) -> bool:
    """Write fresh secrets to `path`. False when it exists already: secrets are never replaced by themselves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in new_secrets().items())
    return True


def port_problem(name: str, value: str) -> str | None:
    """What is wrong with the port that the variable `name` asks for, in words, or None."""
    if not value.isdigit() or not 0 < int(value) < 65536:
        return f"{name}={value} is not a port: choose a number from 1 to 65535."
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(value)))
        except PermissionError:
            return f"Port {value} needs root. Choose one above 1023: make run {name}=8080"
        except OSError:
            return f"Port {value} is taken by another program. Choose another one: make run {name}={int(value) + 1}"
    return None


def main(port_names: list[str]) -> int:
    """Write `var/env` when it is missing, then check the ports that the named variables give.

    With `--print`, only print fresh secrets, to be stored elsewhere.
    """
    if port_names == ["--print"]:
        print("".join(f"{name}={value}\n" for name, value in {**new_secrets(), **database_secret()}.items()), end="")
        return 0
    write_privately()
    write_env_file(data_directory() / "env")
    ports = {name: os.environ.get(name, "") for name in port_names}
    problems = [problem for name, value in ports.items() if (problem := port_problem(name, value))]
    problems += [
        f"{first} and {second} are both {ports[first]}. Choose another one: make run {second}={int(ports[first]) + 1}"
        for first, second in combinations(ports, 2)
        if ports[first] == ports[second] and ports[first].isdigit()
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
