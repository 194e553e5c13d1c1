"""Celery's side: `Celery(..., amqp="redis_connections.broker:AMQP")` gives an application these connections."""

from typing import Any

import kombu
import redis
from celery.app import amqp
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis

from redis_connections.connection import guarded

# Seconds between two attempts to reach a broker that is away. Kombu would come to wait half a minute.
_RETRY_S = 1


class Channel(kombu_redis.Channel):
    """A channel whose loss does not end the worker."""

    # A worker that loses its broker while it holds jobs would try to return them, and crash over that (kombu 5).
    # Nothing is lost with them: the rows say what is due.
    # Decision: docs/decisions/0011-jobs-are-hints.md
    do_restore = False

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            # An acknowledgement on a closed channel.
            raise redis.ConnectionError("the connection to the broker was lost")
        parameters = super()._connparams(asynchronous)  # type: ignore[misc]
        return {**parameters, "connection_class": guarded(parameters["connection_class"])}


class Transport(kombu_redis.Transport):
    """A transport that has these channels."""

    Channel = Channel
    # Kombu's own name for a broker that went away again while a worker was setting up its channels.
    connection_errors = (*kombu_redis.Transport.connection_errors, OperationalError)


# By name, because kombu's pools have a class of connections of their own.
TRANSPORT_ALIASES.update(dict.fromkeys(["redis", "rediss"], "redis_connections.broker:Transport"))


class Connection(kombu.Connection):
    """A connection to the broker that notices soon when the broker is back."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        pauses = {"interval_start": _RETRY_S, "interval_step": 0, "interval_max": _RETRY_S}
        return super().ensure_connection(*args, **{**options, **pauses})


class AMQP(amqp.AMQP):
    """What Celery makes its connections with."""

    Connection = Connection
