"""The page Figures of a server, and its tab."""

import re
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from hosting.accounts.models import Account, Endpoint
from hosting.api import VM_STATS
from hosting.inventory.models import Vm
from tests import factories
from tests.web.answers.test_live import poll, shown_version
from tests.web.lists.test_lists import COUNTS, FRAME
from tests.web.pages.test_every_page import check

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm(account: Account) -> Vm:
    """A server at an endpoint that has figures."""
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=[VM_STATS])
    return factories.vm(account, "web-1", memory_mb=512)


def address(vm: Vm, query: str = "") -> str:
    return reverse("server_figures", args=[vm.account_id, vm.remote_id]) + query


def page(browser: Client, vm: Vm, query: str = "") -> str:
    response = browser.get(address(vm, query))
    assert response.status_code == 200
    html = response.content.decode()
    check(address(vm), html)
    return html


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def cells(html: str) -> list[list[str]]:
    """The rows of all tables."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [found for row in rows if (found := [text(cell) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)])]


def drawn(html: str, kind: str) -> list[str]:
    """The lines of this kind in the charts; those of the legends have a fixed width."""
    return [path for path in re.findall(rf'class="plot-path is-{kind}" d="([^"]+)"', html) if path != "M0 6H22"]


def test_figures_are_a_tab_of_the_server_where_the_endpoint_has_them(browser: Client, vm: Vm) -> None:
    server = browser.get(reverse("server", args=[vm.account_id, vm.remote_id])).content.decode()
    assert f'href="{address(vm)}"' in server
    assert f'href="{reverse("server", args=[vm.account_id, vm.remote_id])}"' in page(browser, vm)


@pytest.mark.parametrize("extensions", [[], ["sharedeck.prices"], None])
def test_endpoint_without_figures_has_no_tab_and_no_page(
    browser: Client, vm: Vm, settings: Settings, extensions: list[str] | None
) -> None:
    if extensions is None:
        settings.API_EXTENSIONS = False
    else:
        Endpoint.objects.filter(pk=vm.account.endpoint_id).update(extensions=extensions)
    server = browser.get(reverse("server", args=[vm.account_id, vm.remote_id])).content.decode()
    assert address(vm) not in server
    assert browser.get(address(vm)).status_code == 404


def test_each_value_is_drawn_and_in_the_table_behind_its_chart(browser: Client, vm: Vm) -> None:
    factories.figures(vm, minutes=range(1, 40))
    html = page(browser, vm, "?period=1")
    said = text(html)
    assert "CPU: 12.5% on average, 12.5% at most." in said
    assert "Used: 200 MB on average, 200 MB at most. Paid for: 512 MB." in said
    assert "Data read: 2 KB/s on average, 2 KB/s at most. Data written: 4 KB/s on average" in said
    assert "Data received: 1 KB/s on average, 1 KB/s at most. Data sent: 3 KB/s on average" in said
    rows = cells(html)
    assert len(rows) == 4 * 39
    assert {tuple(row[1:]) for row in rows} == {("12.5%",), ("200 MB",), ("2 KB/s", "4 KB/s"), ("1 KB/s", "3 KB/s")}
    assert [len(drawn(html, kind)) for kind in ("run", "used", "second", "granted")] == [3, 1, 2, 1]


def test_periods_are_links_and_longer_ones_have_longer_steps(browser: Client, vm: Vm) -> None:
    factories.figures(vm, minutes=range(1, 47 * 60))
    counts = []
    for hours in (1, 6, 24, 48):
        html = page(browser, vm, f"?period={hours}")
        assert re.search(rf'href="\?period={hours}"\s+aria-current="true"', html)
        counts.append(len(cells(html)) // 4)
    assert [abs(count - wanted) <= 1 for count, wanted in zip(counts, (60, 72, 144, 141), strict=True)] == [True] * 4
    for nonsense in ("", "?period=7", "?period=-1", "?period=x"):
        assert 'href="?period=6" aria-current="true"' in re.sub(r"\s+", " ", page(browser, vm, nonsense))


def test_gaps_are_gaps(browser: Client, vm: Vm) -> None:
    factories.figures(vm, minutes=[*range(5, 10), *range(30, 40)])
    html = page(browser, vm, "?period=1")
    assert [path.count("M") for path in drawn(html, "run")] == [2, 2, 2]
    # Neither goes on to the end of the time axis.
    assert not any(path.endswith("H1000") for path in drawn(html, "run"))
    assert len(cells(html)) == 4 * 15


def test_server_without_figures_says_when_to_expect_them(browser: Client, vm: Vm) -> None:
    assert "What this server uses will appear here shortly." in page(browser, vm)
    factories.figures(vm, minutes=[])
    assert page(browser, vm).count("No figures in this period.") == 4


def test_age_of_the_figures_is_said(browser: Client, vm: Vm, account: Account) -> None:
    read_at = timezone.now() - timedelta(hours=3, minutes=5)
    factories.figures(vm, minutes=range(190, 250), read_at=read_at)
    Endpoint.objects.filter(pk=account.endpoint_id).update(away_since=timezone.now() - timedelta(hours=3))
    said = text(page(browser, vm))
    assert f"Figures as of {read_at:%H:%M:%S} ( 3 hours ago )" in said.replace("(3 hours ago)", "( 3 hours ago )")


def test_times_are_in_the_zone_of_the_viewer(browser: Client, vm: Vm) -> None:
    factories.figures(vm, minutes=[5])
    times = []
    for zone in ("", "Asia/Tokyo"):
        browser.cookies["zone"] = zone
        times.append(cells(page(browser, vm, "?period=1"))[0][0])
    assert times[0] != times[1]


@pytest.mark.parametrize("minutes", [1, 2_800])
def test_page_uses_the_same_queries_for_any_number_of_figures(
    browser: Client, vm: Vm, django_assert_num_queries: DjangoAssertNumQueries, minutes: int
) -> None:
    factories.figures(vm, minutes=range(minutes))
    # The server with its figures.
    with django_assert_num_queries(FRAME + COUNTS + 1):
        page(browser, vm, "?period=48")


def test_open_page_is_rendered_again_after_a_minute_so_that_it_asks_for_newer_figures(
    browser: Client, vm: Vm, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now)
    version = shown_version(page(browser, vm))
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 58)
    assert poll(browser, address(vm), version) == (204, "")
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 61)
    assert poll(browser, address(vm), version)[0] == 200


def test_page_is_in_french(browser: Client, vm: Vm) -> None:
    factories.figures(vm, minutes=range(1, 30))
    browser.cookies["sharedeck-language"] = "fr"
    html = browser.get(address(vm), headers={"Accept-Language": "fr"}).content.decode()
    assert "12,5" in html
