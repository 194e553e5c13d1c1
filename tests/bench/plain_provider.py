"""The provider's application without turns, for the naive way of `tests.bench.servers`."""

import threading

from hosting.provider.endpoint import view
from hosting.provider.wsgi import application

__all__ = ["application"]

# As many turns as the naive way has threads.
view._turn = threading.Semaphore(16)
