"""What pages do in a browser: lists, forms, signing in, accessibility. They have processes of their own.

Nothing limits the rate of calls here: at 30 in 2 s, importing 200 servers and stopping them takes more than a minute.
"""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import start
from tests.stack import Stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = start(tmp_path_factory.mktemp("stack"), API_RATE_LIMIT="0", PROVIDER_RATE_LIMIT="0")
    yield running
    running.stop()
