"""What a person asked for and what has ended is told once, on another page, and to nobody else."""

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

ELSEWHERE = "shares"


def ended(account: Account, by: Membership, subject: str = "web-1", state: str = "done", **fields: Any) -> Operation:
    values = {"finished_at": timezone.now(), **fields}
    operation = factories.operation(account, by=by, subject=subject, state=state, **values)
    # What `conclude.move` does; without a commit nobody else says it.
    versions.bump(account.pk)
    versions.read(account.pk)
    return operation


def toasts(client: Client, account: Account, page: str = ELSEWHERE, **asked: Any) -> list[str]:
    html = client.get(reverse(page, args=[account.pk]), **asked).content.decode()
    found = re.search(r'(?:id="toasts"|beforeend:#toasts")(.*?)(?:<header|<div id="messages"|\Z)', html, re.DOTALL)
    texts = re.findall(r'class="toast-text">\s*(.*?)\s*<a href', found[1], re.DOTALL) if found else []
    return [text.strip() for text in texts]


@pytest.fixture
def here(browser: Client, account: Account) -> Client:
    """The owner, who has looked at a page of the account before."""
    assert toasts(browser, account) == []
    return browser


def test_it_is_told_once_with_a_link(here: Client, account: Account, owner: Membership) -> None:
    operation = ended(account, owner)
    html = here.get(reverse("servers", args=[account.pk])).content.decode()
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
def test_it_says_how_it_ended(here: Client, account: Account, owner: Membership, state: str, words: str) -> None:
    ended(account, owner, state=state)
    assert toasts(here, account) == [words]


def test_a_poll_brings_it_and_leaves_other_messages_alone(here: Client, account: Account, owner: Membership) -> None:
    url = reverse(ELSEWHERE, args=[account.pk])
    shown = re.search(r'data-version="([^"]+)"', here.get(url).content.decode())
    assert shown
    asked = {"headers": {"HX-Request": "true", "X-Sharedeck-Version": shown[1]}}
    assert here.get(url, **asked).status_code == 204  # type: ignore[arg-type]
    ended(account, owner)
    html = here.get(url, **asked).content.decode()  # type: ignore[arg-type]
    assert html.count('hx-swap-oob="beforeend:#toasts"') == 1
    assert 'id="messages"' not in html
    assert toasts(here, account, **asked) == []  # type: ignore[arg-type]


def test_only_who_asked_is_told_and_each_of_their_sessions(
    here: Client, client: Client, account: Account, owner: Membership
) -> None:
    colleague, second = factories.member(of=owner.team), Client()
    second.force_login(owner.user)
    client.force_login(colleague.user)
    assert toasts(client, account) + toasts(second, account) == []
    ended(account, owner)
    assert toasts(client, account) == []
    assert len(toasts(here, account)) == len(toasts(second, account)) == 1


def test_what_ended_before_the_session_began_is_no_news(browser: Client, account: Account, owner: Membership) -> None:
    ended(account, owner)
    assert toasts(browser, account) == []
    ended(account, owner, "web-2")
    assert toasts(browser, account) == ["“Stop server web-2” finished."]


@pytest.mark.parametrize("page", ["operations", "dashboard"])
def test_a_page_that_lists_it_says_nothing_more(here: Client, account: Account, owner: Membership, page: str) -> None:
    ended(account, owner)
    assert toasts(here, account, page) == []
    assert toasts(here, account) == []


def test_the_page_of_the_object_or_operation_says_nothing_more(
    here: Client, account: Account, owner: Membership
) -> None:
    vm = factories.vm(account)
    one = ended(account, owner, vm_id=vm.remote_id)
    assert not here.get(reverse("server", args=[account.pk, vm.remote_id])).context["toasts"]
    two = ended(account, owner, vm_id=None)
    assert not here.get(reverse("operation", args=[account.pk, two.pk])).context["toasts"]
    ended(account, owner, "web-9")
    assert "web-9" in here.get(reverse("operation", args=[account.pk, one.pk])).content.decode()


def test_three_are_shown_at_most_and_none_is_passed_over(here: Client, account: Account, owner: Membership) -> None:
    now = timezone.now()
    for number in range(6):
        ended(account, owner, f"web-{number}", finished_at=now + timedelta(seconds=number))
    assert toasts(here, account) == [
        "“Stop server web-5” finished.",
        "“Stop server web-4” finished.",
        "4 more of your operations have finished.",
    ]
    assert toasts(here, account) == []


def test_a_bulk_and_a_plan_are_told_as_one(here: Client, account: Account, owner: Membership) -> None:
    bulk = factories.bulk(account, by=owner)
    plan = factories.plan(account, by=owner, state="stopped")
    ended(account, owner, bulk=bulk)
    ended(account, owner, plan=plan)
    assert toasts(here, account) == [
        "The new server “db-1” isn&#x27;t ready because its plan stopped at a step. Open the plan to continue."
    ]
    bulk.rows.update(state="failed")
    Bulk.objects.update(state=Bulk.State.DONE, updated_at=timezone.now())
    versions.bump(account.pk)
    assert toasts(here, account) == ["Bulk action “Stop server” finished with failures."]
    # Asked for again, it ends again.
    bulk.rows.update(state="done")
    Bulk.objects.update(updated_at=timezone.now() + timedelta(seconds=9))
    versions.bump(account.pk)
    assert toasts(here, account) == ["Bulk action “Stop server” finished."]


def test_a_page_with_nothing_to_tell_costs_nothing_more(
    here: Client, account: Account, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        ended(account, owner, f"web-{number}")
    url = reverse("changes", args=[account.pk])
    # The frame and its counts (11), the list (2), and once the operations that are told.
    with django_assert_num_queries(14):
        here.get(url)
    with django_assert_num_queries(6):
        here.get(url)


def test_a_resize_is_not_told_as_a_new_server_and_not_again_when_it_is_changed(
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
