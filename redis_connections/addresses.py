"""Addresses of Redis: one form for everything that connects, and what is wrong with one in words."""

from urllib.parse import parse_qs, urlsplit

import redis
from django.core.exceptions import ImproperlyConfigured

# For a check before the start: longer than any server in its right mind needs.
_TIMEOUT_S = 5


def for_celery(url: str) -> str:
    """The address as Celery writes it. redis-py, and with it the settings here, calls a socket `unix:///path?db=1`;
    Celery `redis+socket:///path?virtual_host=1`.
    """
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={number}"


def check_form(name: str, url: str) -> None:
    """Check the address in the variable `name`, for settings.

    Raises:
        ImproperlyConfigured: it has not the form of an address of Redis.
    """
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ImproperlyConfigured(
            f"{name} is no address of Redis. It begins with redis://, rediss:// (TLS) or unix:// (a socket)."
        )


def problem(name: str, url: str) -> str | None:
    """Why the Redis at the address in the variable `name` can't be used, in words; None if it can. Names no secret."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S) as client:
            client.ping()
    except redis.AuthenticationError:
        return f"{name}: Redis refuses the password. Write it into the address: redis://:PASSWORD@HOST:6379/0"
    except (redis.RedisError, ValueError) as error:
        return f"{name}: Redis can't be used: {error}"
    return None
