"""The provider's application without turns, for the naive way of `tests.bench.servers`."""

import importlib
import threading

application = importlib.import_module("hosting.provider.wsgi").application
# As many turns as the naive way has threads.
importlib.import_module("hosting.provider.endpoint.view")._turn = threading.Semaphore(16)  # type: ignore[attr-defined]
