"""CSV export of lists: all matching rows, exact values, no formulas."""

import csv
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests import factories


def exported(browser: Client, name: str, account: Account, asked: str = "", *of: int) -> list[dict[str, str]]:
    response: Any = browser.get(f"{reverse(name, args=[account.pk, *of])}?format=csv{asked}")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith("attachment")
    assert "no-store" in response["Cache-Control"]
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(text.splitlines()))


def test_export_contains_all_matching_rows_in_list_order(browser: Client, account: Account) -> None:
    for number in range(120):
        factories.vm(account, f"{'web' if number % 2 else 'db'}-{number:03}")
    rows = exported(browser, "servers", account, "&q=web&sort=-hostname&page=2")
    assert [row["hostname"] for row in rows] == [f"web-{number:03}" for number in range(119, 0, -2)]


def test_export_has_exact_values_with_units_in_the_column_names(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-1")
    disk = factories.disk(account, "data", on=vm, size_mb=8193)
    (row,) = exported(browser, "disks", account)
    assert (row["id"], row["name"], row["size_mb"]) == (str(disk.remote_id), "data", "8193")
    assert row["server_id"] == str(vm.remote_id)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_formula_cells_are_escaped(browser: Client, account: Account, text: str) -> None:
    factories.disk(account, text)
    (row,) = exported(browser, "disks", account)
    assert row["name"] == f"'{text}"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=1+1;y", "x;'=1+1;y"),
        ("x\t=1+1", "x\t'=1+1"),
        ("x, @SUM(A1)", "x, '@SUM(A1)"),
        ('x;"=1+1"', 'x;"\'=1+1"'),
        ("a-b=c; d", "a-b=c; d"),
    ],
)
def test_formulas_behind_a_separator_are_escaped(browser: Client, account: Account, text: str, cell: str) -> None:
    factories.disk(account, text)
    (row,) = exported(browser, "disks", account)
    assert row["name"] == cell


def test_texts_are_quoted_and_numbers_are_not(browser: Client, account: Account) -> None:
    disk = factories.disk(account, "1e5", size_mb=8192)
    response: Any = browser.get(reverse("disks", args=[account.pk]) + "?format=csv")
    header, row = b"".join(response.streaming_content).decode().splitlines()
    assert header.startswith('"id","name","state","size_mb"')
    assert row.startswith(f'{disk.remote_id},"1e5","created",8192,')


def test_every_list_can_be_exported(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account, "web-1")
    factories.disk(account, on=vm)
    factories.product(account)
    factories.operation(account, by=owner, state="done")
    factories.change(account)
    for name in ("servers", "disks", "shares", "operations", "changes"):
        assert len(exported(browser, name, account)) == 1, name
        page = browser.get(reverse(name, args=[account.pk])).content.decode()
        assert "format=csv" in page, name


def test_rows_of_a_bulk_action_can_be_exported(browser: Client, account: Account, owner: Membership) -> None:
    rows = exported(browser, "bulk", account, "", factories.bulk(account, by=owner, objects=3).pk)
    assert [(row["object"], row["state"]) for row in rows] == [(f"web-{number}", "waiting") for number in range(3)]


def test_member_of_another_team_cannot_export(client: Client, account: Account) -> None:
    client.force_login(factories.member().user)
    assert client.get(reverse("servers", args=[account.pk]) + "?format=csv").status_code == 404
