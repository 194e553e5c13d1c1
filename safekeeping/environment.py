"""Settings that are secrets: from the environment, from files that the environment names, or from an env file."""

import os
from collections.abc import Iterable
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured


def read_environment(env_file: Path, *, secrets: Iterable[str]) -> None:
    """Complete this process's environment.

    A secret `NAME` comes from the file that `NAME_FILE` names, as orchestrators mount one. What is then missing comes
    from `env_file`, if there is one.

    Raises:
        ImproperlyConfigured: `NAME` is set too, or the file cannot be read or is empty.
    """
    for name in secrets:
        path = os.environ.get(f"{name}_FILE")
        if path:
            if name in os.environ:
                raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Keep one of them.")
            os.environ[name] = _content(f"{name}_FILE", path)
            # Processes that this one starts find the secret itself.
            del os.environ[f"{name}_FILE"]
    environ.Env.read_env(env_file)


def _content(variable: str, path: str) -> str:
    try:
        content = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ImproperlyConfigured(f"{variable} names {path}, which cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{variable} names {path}, which is not text.") from None
    if not content:
        raise ImproperlyConfigured(f"{variable} names {path}, which is empty.")
    return content
