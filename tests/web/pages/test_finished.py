"""Toasts for finished operations: shown once, on another page, and only to the requester."""

import re
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.operations.kinds import catalogue
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.plans import control as plans
from hosting.operations.plans.resize import Resize
from hosting.teams.models import Membership
from tests import factories
from tests.web.browsing import without_isolation

ELSEWHERE = "shares"


def finished(account: Account, by: Membership, subject: str = "web-1", state: str = "done", **fields: Any) -> Operation:
    values = {"finished_at": timezone.now(), **fields}
    operation = factories.operation(account, by=by, subject=subject, state=state, **values)
    # As `conclude.move` does on commit, which never happens in these tests.
    versions.bump(account.pk)
    versions.read(account.pk)
    return operation


def toasts(client: Client, account: Account, page: str = ELSEWHERE, **asked: Any) -> list[str]:
    html = client.get(reverse(page, args=[account.pk]), **asked).content.decode()
    found = re.search(r'(?:id="toasts"|beforeend:#toasts")(.*?)(?:<header|<div id="messages"|\Z)', html, re.DOTALL)
    texts = re.findall(r'class="toast-text">\s*(.*?)\s*<a href', found[1], re.DOTALL) if found else []
    return [without_isolation(text.strip()) for text in texts]


@pytest.fixture
def here(browser: Client, account: Account) -> Client:
    """A client of the owner that has already opened a page of the account."""
    assert toasts(browser, account) == []
    return browser


def test_toast_is_shown_once_with_a_link(here: Client, account: Account, owner: Membership) -> None:
    operation = finished(account, owner)
    html = without_isolation(here.get(reverse("servers", args=[account.pk])).content.decode())
    assert "“Stop server web-1” finished." in html
    assert f'href="{reverse("operation", args=[account.pk, operation.pk])}"' in html
    for page in (ELSEWHERE, "servers", "disks"):
        assert toasts(here, account, page) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("failed", "“Stop server web-1” failed."),
        ("refused", "“Stop server web-1” failed."),
        ("cancelled", "“Stop server web-1” was cancelled."),
    ],
)
def test_toast_says_how_the_operation_ended(
    here: Client, account: Account, owner: Membership, state: str, words: str
) -> None:
    finished(account, owner, state=state)
    assert toasts(here, account) == [words]


def test_poll_returns_the_toast_and_keeps_other_messages(here: Client, account: Account, owner: Membership) -> None:
    url = reverse(ELSEWHERE, args=[account.pk])
    shown = re.search(r'data-version="([^"]+)"', here.get(url).content.decode())
    assert shown
    asked = {"headers": {"HX-Request": "true", "X-Sharedeck-Version": shown[1]}}
    assert here.get(url, **asked).status_code == 204  # type: ignore[arg-type]
    finished(account, owner)
    html = here.get(url, **asked).content.decode()  # type: ignore[arg-type]
    assert html.count('hx-swap-oob="beforeend:#toasts"') == 1
    assert 'id="messages"' not in html
    assert toasts(here, account, **asked) == []  # type: ignore[arg-type]


def test_toast_is_shown_in_each_session_of_the_requester_only(
    here: Client, client: Client, account: Account, owner: Membership
) -> None:
    colleague, second = factories.member(of=owner.team), Client()
    second.force_login(owner.user)
    client.force_login(colleague.user)
    assert toasts(client, account) + toasts(second, account) == []
    finished(account, owner)
    assert toasts(client, account) == []
    assert len(toasts(here, account)) == len(toasts(second, account)) == 1


def test_operations_finished_before_the_session_are_not_shown(
    browser: Client, account: Account, owner: Membership
) -> None:
    finished(account, owner)
    assert toasts(browser, account) == []
    finished(account, owner, "web-2")
    assert toasts(browser, account) == ["“Stop server web-2” finished."]


@pytest.mark.parametrize("page", ["operations", "dashboard"])
def test_page_that_lists_the_operation_shows_no_toast(
    here: Client, account: Account, owner: Membership, page: str
) -> None:
    finished(account, owner)
    assert toasts(here, account, page) == []
    assert toasts(here, account) == []


def test_page_of_the_object_or_operation_shows_no_toast(here: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account)
    one = finished(account, owner, vm_id=vm.remote_id)
    assert not here.get(reverse("server", args=[account.pk, vm.remote_id])).context["toasts"]
    two = finished(account, owner, vm_id=None)
    assert not here.get(reverse("operation", args=[account.pk, two.pk])).context["toasts"]
    finished(account, owner, "web-9")
    assert "web-9" in here.get(reverse("operation", args=[account.pk, one.pk])).content.decode()


def test_at_most_three_toasts_are_shown_and_the_rest_counted(here: Client, account: Account, owner: Membership) -> None:
    now = timezone.now()
    for number in range(6):
        finished(account, owner, f"web-{number}", finished_at=now + timedelta(seconds=number))
    assert toasts(here, account) == [
        "“Stop server web-5” finished.",
        "“Stop server web-4” finished.",
        "4 more of your operations have finished.",
    ]
    assert toasts(here, account) == []


def test_bulk_action_and_plan_get_one_toast_each(here: Client, account: Account, owner: Membership) -> None:
    bulk = factories.bulk(account, by=owner)
    plan = factories.plan(account, by=owner, state="stopped")
    finished(account, owner, bulk=bulk)
    finished(account, owner, plan=plan)
    assert toasts(here, account) == [
        "The new server “db-1” isn&#x27;t ready because its plan stopped at a step. Open the plan to continue."
    ]
    bulk.rows.update(state="failed")
    Bulk.objects.update(state=Bulk.State.DONE, updated_at=timezone.now())
    versions.bump(account.pk)
    assert toasts(here, account) == ["Bulk action “Stop server” finished with failures."]
    # After a retry it finishes a second time.
    bulk.rows.update(state="done")
    Bulk.objects.update(updated_at=timezone.now() + timedelta(seconds=9))
    versions.bump(account.pk)
    assert toasts(here, account) == ["Bulk action “Stop server” finished."]


def test_page_without_toasts_runs_no_extra_query(
    here: Client, account: Account, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        finished(account, owner, f"web-{number}")
    url = reverse("changes", args=[account.pk])
    # The frame and its counts (11), the list (2), and once the finished operations for toasts.
    with django_assert_num_queries(14):
        here.get(url)
    with django_assert_num_queries(6):
        here.get(url)


def test_resize_toast_names_the_resize_and_is_not_repeated_after_a_change(
    here: Client, account: Account, owner: Membership
) -> None:
    vm = factories.vm(account, "web-7", shares=1, vm_max_memory_mb=1024)
    spec = Resize.of(vm, catalogue.UpdateVm(vm.remote_id, shares=2, vm_max_memory_mb=2048))
    plan = plans.draft(spec, account=account, by=owner, nonce=uuid.uuid4())
    Plan.objects.update(state=Plan.State.STOPPED, updated_at=timezone.now() - timedelta(minutes=1))
    versions.bump(account.pk)
    assert toasts(here, account) == ["The resize of “web-7” stopped at a step. Open the plan to continue."]
    plans.revise(plan, replace(spec, shares=3), by=owner)
    assert toasts(here, account) == []
    Plan.objects.update(state=Plan.State.DONE, updated_at=timezone.now())
    versions.bump(account.pk)
    assert toasts(here, account) == ["The server “web-7” was resized."]
