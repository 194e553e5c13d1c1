"""Reading the newest operations must not slow down as the history of an account grows."""

import pytest
from django.db import connection

from hosting.operations.models.operation import Operation
from tests import factories


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is read as SQLite tells it")
def test_newest_operations_are_read_without_sorting_all(db: None) -> None:
    account = factories.account(factories.team())
    newest = Operation.objects.filter(account=account).order_by("-created_at", "-id")[:51]
    assert "TEMP B-TREE" not in newest.explain()
