"""Items that need attention: each appears once, says why and what to do, and stays until it is resolved."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.reading.attention import attention_items, counts
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories
from tests.web.views.test_money import words


def ago(**time: float) -> Any:
    return timezone.now() - timedelta(**time)


def whys(account: Account, by: Membership) -> list[str]:
    return [matter.why for matter in attention_items(account, by=by, now=timezone.now())]


def candidate(number: int) -> dict[str, object]:
    return {
        "id": number,
        "state": "DONE",
        "created": timezone.now().isoformat(),
        "source": "AB1-DEMO",
        "params": {"quantity": 2},
        "objects": {},
    }


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"state": "uncertain", "sent_at": timedelta(seconds=5), "needs_person": True}, ["decide"]),
        ({"state": "uncertain", "sent_at": timedelta(minutes=6)}, ["unconfirmed"]),
        ({"state": "uncertain", "sent_at": timedelta(minutes=2)}, []),
        # Past its estimate, which every poll of the provider renews.
        ({"state": "tracked", "eta_at": timedelta(minutes=16), "answered_at": timedelta(minutes=20)}, ["slow"]),
        ({"state": "tracked", "eta_at": timedelta(seconds=1), "remote_updated_at": timedelta(minutes=16)}, ["slow"]),
        ({"state": "tracked", "eta_at": timedelta(seconds=1), "remote_updated_at": timedelta(minutes=10)}, []),
        ({"state": "tracked", "eta_at": timedelta(minutes=-5), "answered_at": timedelta(hours=5)}, []),
        ({"state": "tracked", "eta_at": timedelta(minutes=-5), "answered_at": timedelta(hours=25)}, ["slow"]),
        ({"state": "tracked", "answered_at": timedelta(minutes=59)}, []),
        ({"state": "tracked", "answered_at": timedelta(minutes=61)}, ["slow"]),
        ({"state": "tracked", "answered_at": timedelta(minutes=61), "origin": "outside"}, ["slow"]),
        ({"state": "answered", "answered_at": timedelta(minutes=16)}, ["stuck"]),
        ({"state": "sending", "sent_at": timedelta(minutes=16)}, ["stuck"]),
        ({"state": "sending", "sent_at": timedelta(minutes=1)}, []),
        ({"state": "waiting"}, []),
        ({"state": "failed"}, ["failed"]),
        ({"state": "released"}, ["failed"]),
        ({"state": "failed", "dismissed_at": timedelta()}, []),
        ({"state": "failed", "origin": "outside"}, []),
        ({"state": "cancelled"}, []),
        ({"state": "done"}, []),
        ({"state": "done", "late_at": timedelta(days=9)}, ["late"]),
        ({"state": "tracked", "late_at": timedelta(), "answered_at": timedelta(hours=25)}, ["late"]),
        (
            {"state": "tracked", "late_at": timedelta(), "dismissed_at": timedelta(), "answered_at": timedelta(2)},
            ["slow"],
        ),
        ({"state": "done", "late_at": timedelta(), "dismissed_at": timedelta()}, []),
    ],
)
def test_operation_needs_attention_when_it_stays_in_a_state_too_long(
    account: Account, owner: Membership, fields: dict[str, Any], why: list[str]
) -> None:
    """A timedelta in `fields` means that long ago."""
    now = timezone.now()
    at = {name: now - value if isinstance(value, timedelta) else value for name, value in fields.items()}
    factories.operation(account, by=owner, **at)
    assert whys(account, owner) == why
    assert counts([account], timezone.now()) == {account.pk: len(why)}


def test_operation_that_happened_twice_is_shown_with_both_costs_and_a_way_to_give_one_back(
    account: Account, owner: Membership, browser: Client
) -> None:
    bought: dict[str, Any] = {
        "kind": "hosting_account_product_add",
        "params": {"product_name": "shares", "quantity": 2, "duration": "1m"},
        "vm_id": None,
        "state": "done",
        "currency": "EUR",
    }
    late = factories.operation(account, by=owner, **bought, late_at=ago(minutes=1), product_id=31, cost="24.00")
    again = factories.operation(account, by=owner, **bought, retry_of=late, product_id=32, cost="25.00")
    page = browser.get(reverse("attention", args=[account.pk])).content.decode()
    assert "it may have happened twice" in page
    assert "24.00" in page
    assert "25.00" in page
    assert reverse("operation", args=[account.pk, again.pk]) in page
    assert reverse("shares_remove", args=[account.pk, 31]) in page
    Operation.objects.filter(pk=again.pk).update(state="not_sent")
    alone = browser.get(reverse("attention", args=[account.pk])).content.decode()
    assert "it may have happened twice" not in alone
    assert reverse("shares_remove", args=[account.pk, 31]) not in alone


def test_failed_operation_needs_no_attention_once_retried_or_done(account: Account, owner: Membership) -> None:
    failed = factories.operation(account, by=owner, state="failed", target="vm:1")
    assert whys(account, owner) == ["failed"]
    again = factories.operation(account, by=owner, state="done", target="vm:1")
    assert whys(account, owner) == []
    Operation.objects.filter(pk=again.pk).update(target="", retry_of=failed)
    assert whys(account, owner) == []


def test_old_failures_need_no_attention(account: Account, owner: Membership) -> None:
    factories.operation(account, by=owner, state="failed")
    Operation.objects.update(created_at=ago(days=4))
    assert whys(account, owner) == []


def test_draft_stopped_and_stuck_plans_need_attention(account: Account, owner: Membership) -> None:
    for state in Plan.State.values:
        factories.plan(account, by=owner, state=state)
    assert whys(account, owner) == ["stopped", "draft"]
    Plan.objects.update(updated_at=ago(hours=1))
    assert whys(account, owner) == ["stopped", "stuck", "draft"]
    factories.running_operation(account, plan=Plan.objects.get(state="running"))
    assert whys(account, owner) == ["stopped", "draft"]


def test_attention_items_say_why_and_what_to_do(browser: Client, account: Account, owner: Membership) -> None:
    Account.objects.update(trouble=Account.Trouble.CREDENTIALS)
    failed = factories.operation(account, by=owner, state="failed", problem={"reason": "ended_in_error"})
    unclear = factories.operation(
        account, by=owner, state="uncertain", needs_person=True, problem={"reason": "no_answer", "candidates": []}
    )
    factories.operation(account, by=owner, state="uncertain", sent_at=ago(hours=1))
    factories.operation(account, by=owner, state="tracked", remote_state="PENDING", answered_at=ago(hours=2))
    plan = factories.plan(account, by=owner, state="stopped")
    page = browser.get(reverse("attention", args=[account.pk])).content.decode()
    for part in (
        "rejected the credentials",
        "couldn&#x27;t finish it",
        "isn&#x27;t in the provider&#x27;s list",
        "Sharedeck keeps checking",
        "Taking unusually long",
        "still queued at the provider",
        "A step failed",
    ):
        assert part in page, part
    for url in (
        reverse("account_settings", args=[account.pk]),
        reverse("operation_retry", args=[account.pk, failed.pk]),
        reverse("operation_aside", args=[account.pk, failed.pk]),
        reverse("operation", args=[account.pk, unclear.pk]),
        reverse("plan", args=[account.pk, plan.pk]),
        reverse("plan_abandon", args=[account.pk, plan.pk]),
    ):
        assert url in page, url
    assert '>6<span class="visually-hidden"> need attention' in page


def test_account_without_items_says_all_caught_up(browser: Client, account: Account) -> None:
    page = browser.get(reverse("attention", args=[account.pk])).content.decode()
    assert "You're all caught up" in page
    assert 'id="attention-count"' in page
    assert "Needs your attention" not in browser.get(reverse("dashboard", args=[account.pk])).content.decode()


def test_dashboard_shows_the_most_urgent_items_and_links_to_all(
    browser: Client, account: Account, owner: Membership
) -> None:
    for number in range(6):
        factories.operation(account, by=owner, state="failed", subject=f"web-{number}")
    factories.operation(account, by=owner, state="uncertain", needs_person=True, subject="web-unclear")
    page = browser.get(reverse("dashboard", args=[account.pk])).content.decode()
    assert page.count("operation_aside") == 0
    attention = page[page.index("attention-title") : page.index("grid-tiles")]
    assert attention.count("<li>") == 4
    assert "web-unclear" in attention
    assert "All 7" in attention


def test_dismissing_an_item_is_recorded_with_the_member(browser: Client, account: Account, owner: Membership) -> None:
    failed = factories.operation(account, by=owner, state="failed")
    url = reverse("operation_aside", args=[account.pk, failed.pk])
    response = browser.post(url, {"next": reverse("attention", args=[account.pk])}, follow=True)
    assert "was dismissed" in response.content.decode()
    assert whys(account, owner) == []
    entry = AuditEntry.objects.get(action="operation.set_aside")
    assert (entry.actor, entry.operation_id) == (owner.user, failed.pk)
    browser.post(url)
    assert AuditEntry.objects.count() == 1


def test_running_operation_cannot_be_dismissed(browser: Client, account: Account, owner: Membership) -> None:
    running = factories.running_operation(account, by=owner)
    browser.post(reverse("operation_aside", args=[account.pk, running.pk]))
    running.refresh_from_db()
    assert running.dismissed_at is None


def test_viewer_sees_attention_items_without_buttons(client: Client, account: Account, owner: Membership) -> None:
    factories.operation(account, by=owner, state="failed")
    factories.plan(account, by=owner, state="stopped")
    client.force_login(factories.member(Role.VIEWER, of=owner.team).user)
    page = client.get(reverse("attention", args=[account.pk])).content.decode()
    assert "formaction" not in page[page.index('id="live"') :]
    assert "Your role doesn't allow this." in page


def test_attention_counts_of_all_accounts_use_the_same_queries(
    browser: Client, account: Account, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(4):
        other = factories.account(owner.team, label=f"Other {number}", trouble="handle" if number else "")
        for _ in range(number):
            factories.operation(other, by=owner, state="failed")
    # The person, their memberships, the accounts (the frame and the list), attention items (4), servers and disks,
    # invitations and their mails.
    with django_assert_num_queries(12):
        page = browser.get(reverse("accounts")).content.decode()
    assert "4 need attention" in page
    assert "9 things need attention" in words(page)
    assert page.count("need attention") + page.count("needs attention") == 4


def test_evidence_of_two_equal_operations_is_shown_side_by_side(
    browser: Client, account: Account, owner: Membership
) -> None:
    problem = {"reason": "no_answer", "candidates": [candidate(901), candidate(902), candidate(903)]}
    asked = {"kind": "hosting_account_product_add", "params": {"quantity": 2}, "vm_id": None, "sent_at": ago(minutes=1)}
    first, second = (
        factories.operation(account, by=owner, state="uncertain", needs_person=True, problem=problem, **asked)
        for _ in range(2)
    )
    page = browser.get(reverse("operation", args=[account.pk, first.pk])).content.decode()
    compare = page[page.index('class="compare"') :]
    assert "This operation" in compare
    assert f"Identical operation #{second.pk}" in compare
    for number in (901, 902, 903):
        assert reverse("operation_is", args=[account.pk, first.pk, number]) in compare


def test_member_can_mark_an_operation_without_candidates_as_happened(
    browser: Client, account: Account, owner: Membership
) -> None:
    problem = {"reason": "no_answer"}
    operation = factories.operation(account, by=owner, state="uncertain", needs_person=True, problem=problem)
    url = reverse("operation_happened", args=[account.pk, operation.pk])
    assert url in browser.get(reverse("operation", args=[account.pk, operation.pk])).content.decode()
    browser.post(url)
    operation.refresh_from_db()
    assert (operation.state, operation.needs_person, operation.problem) == ("done", False, {})
    entry = AuditEntry.objects.get(action="operation.decided")
    assert (entry.operation_id, entry.detail) == (operation.pk, {"happened": True})
    assert "already been resolved" in browser.post(url, follow=True).content.decode()


def test_operation_with_candidates_cannot_be_marked_as_happened(
    browser: Client, account: Account, owner: Membership
) -> None:
    problem = {"reason": "no_answer", "candidates": [candidate(901), candidate(902)]}
    operation = factories.operation(account, by=owner, state="uncertain", needs_person=True, problem=problem)
    browser.post(reverse("operation_happened", args=[account.pk, operation.pk]))
    operation.refresh_from_db()
    assert operation.state == "uncertain"


def test_stopped_plan_shows_its_reason(browser: Client, account: Account, owner: Membership) -> None:
    factories.plan(account, by=owner, state="stopped", problem={"step": "verify", "reason": "not_free"})
    page = browser.get(reverse("attention", args=[account.pk])).content.decode()
    assert "There aren&#x27;t enough free shares for this server." in page


def test_operation_missing_at_the_provider_needs_attention(
    browser: Client, account: Account, owner: Membership
) -> None:
    problem = {"reason": "fault", "code": 580440, "object": 804, "cause": 40, "text": "no such operation"}
    factories.operation(account, by=owner, state="uncertain", needs_person=True, problem=problem)
    page = browser.get(reverse("attention", args=[account.pk])).content.decode()
    assert "no longer lists it" in page


def test_paused_or_partly_failed_bulk_action_needs_attention(
    browser: Client, account: Account, owner: Membership
) -> None:
    bulk = factories.bulk(account, by=owner, state="paused", problem="away")
    assert whys(account, owner) == ["paused"]
    assert "Resume when it responds again" in browser.get(reverse("attention", args=[account.pk])).content.decode()
    Bulk.objects.update(state="done", problem="")
    assert whys(account, owner) == []
    bulk.rows.update(state="failed")
    factories.operation(account, by=owner, state="failed", bulk=bulk)
    assert whys(account, owner) == ["failed"]
    assert "Open the bulk action to retry them" in browser.get(reverse("attention", args=[account.pk])).content.decode()
    Bulk.objects.update(updated_at=ago(days=4))
    assert whys(account, owner) == []


def test_endpoint_that_is_away_needs_attention_with_all_that_waits_for_it(
    browser: Client, account: Account, owner: Membership, django_assert_max_num_queries: Any
) -> None:
    factories.operation(account, state="uncertain", sent_at=ago(seconds=5))
    factories.operation(account, state="waiting")
    assert whys(account, owner) == []
    type(account.endpoint).objects.update(away_since=ago(minutes=3))
    account = Account.objects.select_related("endpoint", "team").get(pk=account.pk)
    assert whys(account, owner) == ["away", "unconfirmed"]
    assert counts([account], timezone.now()) == {account.pk: 2}
    page = browser.get(reverse("attention", args=[account.pk])).content.decode()
    assert "2 operations wait for it." in page
    assert "all caught up" not in page


def test_account_that_cannot_be_read_says_why_on_its_pages_and_needs_attention(
    browser: Client, owner: Membership
) -> None:
    account = factories.account(owner.team, mirrored_at=None)
    Account.objects.filter(pk=account.pk).update(
        unread_since=ago(seconds=5), unread_problem={"why": "no_hosting", "text": "unknown hosting account"}
    )
    words = f"The handle “{account.handle}” has no hosting account at this provider."
    for name in ("dashboard", "servers", "disks", "shares", "shares_calendar", "attention", "account_settings"):
        page = browser.get(reverse(name, args=[account.pk])).content.decode()
        assert words in page, name
        assert "will appear here shortly" not in page, name
    account = Account.objects.select_related("endpoint", "team").get(pk=account.pk)
    assert whys(account, owner) == ["unread"]
    page = browser.get(reverse("accounts")).content.decode()
    assert "1 needs attention" in page
    assert "be read</span>" in page


def test_sync_that_cannot_succeed_does_not_show_as_going_on(browser: Client, account: Account) -> None:
    url = reverse("servers", args=[account.pk])
    Account.objects.filter(pk=account.pk).update(
        sync_requested_at=timezone.now(), unread_since=ago(seconds=20), unread_problem={"why": "garbled"}
    )
    assert "Syncing…" in browser.get(url).content.decode()
    Account.objects.filter(pk=account.pk).update(unread_since=ago(seconds=70))
    page = browser.get(url).content.decode()
    assert "Syncing…" not in page
    assert "sends data that Sharedeck can&#x27;t read" in page
