"""Read settings from the environment: a value that can't be used is named in one sentence, which never quotes it."""

import builtins
import logging
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value")
_FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on", "y", "ok"), True),
    **dict.fromkeys(("0", "false", "no", "off", "n", ""), False),
}
_DATABASES = ("sqlite", "postgres")
_LEVELS = ("NOTSET", *logging.getLevelNamesMapping())


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """End the process with a sentence instead of a traceback when a setting in the block can't be used."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.exit(f"The settings are not right: {error}")


class Env(environ.Env):  # type: ignore[misc]
    """The environment. Every method raises `ImproperlyConfigured` for a value of another form, and returns `default`
    where there is none or it is empty.
    """

    def int(self, var: str, default: Any = environ.Env.NOTSET, *, least: builtins.int = 0) -> Any:
        """A whole number, not below `least`."""

        def read(text: str) -> int:
            if (number := int(text)) < least:
                raise ValueError
            return number

        return self._read(var, default, read, f"a whole number from {least} on")

    def float(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        """A number that is not negative."""

        def read(text: str) -> float:
            number = float(text)
            if not (math.isfinite(number) and number >= 0):
                raise ValueError
            return number

        return self._read(var, default, read, "a number, such as 2.5")

    def bool(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        """Whether something is on."""
        return self._read(var, default, lambda text: _FLAGS[text.strip().lower()], "1 or 0")

    def choice(self, var: str, choices: Sequence[str], default: Any = environ.Env.NOTSET) -> Any:
        """One of these words."""
        return self._read(var, default, lambda text: choices[choices.index(text)], " or ".join(choices))

    def log_level(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        """A level of `logging`."""
        return self._read(var, default, lambda text: _LEVELS[_LEVELS.index(text)], "DEBUG, INFO, WARNING or ERROR")

    def zone(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        """The name of a time zone."""
        return self._read(var, default, lambda text: ZoneInfo(text).key, "a time zone, such as Europe/Paris")

    def address(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        """An address of the web."""
        return self._read(var, default, _web_address, "an address that begins with https:// or http://")

    def addresses(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        """Names with addresses of the web, by name."""

        def read(text: str) -> dict[str, str]:
            pairs = [pair.split("=", 1) for pair in text.split(",") if pair]
            return {name: _web_address(address) for name, address in pairs}

        return self._read(var, default, read, "name=https://address, several of them with commas between")

    def db(self, var: str, default: Any = environ.Env.NOTSET) -> Any:
        """A database, as Django's settings have it."""
        text = self.get_value(var, cast=str, default=default)
        meant = "an address that begins with postgres:// or sqlite:///"
        return _converted(var, text, lambda text: _database(self, text), meant)

    def email(self, var: str) -> Any:
        """A mail server, as Django's settings have it."""

        def read(text: str) -> Any:
            found = self.email_url_config(text)
            if "smtp" in urlsplit(text).scheme and not urlsplit(text).hostname:
                raise ValueError
            return found

        return self._read(var, environ.Env.NOTSET, read, "an address such as smtp+tls://user:password@host:587")

    def _read(self, var: str, default: Any, read: Callable[[str], Value], meant: str) -> Any:
        if not self.ENVIRON.get(var) and default is not self.NOTSET:
            return default
        return _converted(var, self.get_value(var, cast=str), read, meant)


def _converted(var: str, text: str, read: Callable[[str], Value], meant: str) -> Value:
    try:
        return read(text)
    except (ValueError, LookupError, TypeError, OSError, ImproperlyConfigured):
        # Not the value, which may be a secret; nor the error, which quotes it.
        raise ImproperlyConfigured(f"{var} must be {meant}.") from None


def _database(env: Env, text: str) -> Any:
    parts = urlsplit(text)
    # A backend of one's own is named by its module. Reading the port checks it.
    if not (parts.scheme.startswith(_DATABASES) or "." in parts.scheme) or parts.port == 0:
        raise ValueError
    return env.db_url_config(text)


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError
    return text
