"""The pages of spending limits and approvals."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import State
from hosting.reading.attention import attention_items, counts
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.people import members
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.roles import Role
from tests import factories
from tests.web.access.signing_in import stale
from tests.web.views.test_money import words


@pytest.fixture
def payer(owner: Membership) -> Membership:
    person = factories.user("ben@example.org", "Ben")
    return factories.member(Role.BILLING, of=owner.team, person=person)


@pytest.fixture
def limit(payer: Membership) -> SpendingLimit:
    return SpendingLimit.objects.create(team=payer.team, role=Role.BILLING, shares=4, money="100.00")


@pytest.fixture
def buyer(payer: Membership) -> Client:
    client = Client()
    client.force_login(payer.user)
    return client


def with_password(member: Membership) -> None:
    """Give the member a password to reauthenticate with."""
    member.user.set_password("correct horse 1")
    member.user.save()


def held(account: Account, by: Membership, **fields: Any) -> Operation:
    values: dict[str, Any] = {
        "kind": "hosting_account_product_add",
        "params": {"product_name": "shares", "quantity": 6, "duration": "1m"},
        "subject": "Shares × 6",
        "vm_id": None,
        "quantity": 6,
        "requested_shares": 6,
        "estimate": "60.00",
        "currency": "EUR",
        "requested_as": by.role,
        "state": State.HELD,
        "problem": {"reason": "above_ceiling", "over": ["shares"]},
        "due_at": timezone.now() + timedelta(hours=70),
        **fields,
    }
    return factories.operation(account, by=by, **values)


def approvals_of(by: Membership) -> str:
    return reverse("team_approvals", args=[by.team_id])


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return words(response.content.decode())


def decide(client: Client, by: Membership, what: str, comment: str = "", **chosen: Any) -> Any:
    data = {"decision": what, "comment": comment, **chosen}
    return client.post(reverse("team_approvals_decide", args=[by.team_id]), data, follow=True)


def buy(client: Client, account: Account, quantity: int) -> Any:
    data = {"product_name": "shares", "quantity": quantity, "duration": "1m", "nonce": uuid.uuid4()}
    return client.post(reverse("shares_add", args=[account.pk]), data, follow=True)


def test_form_names_the_approver_before_submitting(
    buyer: Client, account: Account, owner: Membership, limit: SpendingLimit
) -> None:
    factories.purchase(account, "shares", 1, "1m", cost="10.00", days_ago=400)
    url = reverse("shares_estimate", args=[account.pk]) + "?for=add"
    for quantity, is_above in ((4, False), (5, True)):
        page = words(
            buyer.post(url, {"product_name": "shares", "quantity": quantity, "duration": "1m"}).content.decode()
        )
        assert (f"This will need approval by {owner.user}." in page) == is_above, page
    unknown = words(buyer.post(url, {"product_name": "disk", "quantity": 1, "duration": "1m"}).content.decode())
    assert "The price isn't known, and your role has a spending limit." in unknown


def test_operation_above_the_spending_limit_waits_and_names_the_approver(
    buyer: Client, browser: Client, account: Account, owner: Membership, payer: Membership, limit: SpendingLimit
) -> None:
    page = words(buy(buyer, account, 6).content.decode())
    assert f"It is waiting for approval by {owner.user}." in page
    operation = Operation.objects.get()
    assert operation.state == State.HELD
    own = text(buyer, reverse("operation", args=[account.pk, operation.pk]))
    assert f"Waiting for approval by {owner.user}." in own
    assert "Withdraw" in own
    theirs = text(browser, reverse("operation", args=[account.pk, operation.pk]))
    assert "Decide" in theirs
    assert "Withdraw" not in theirs
    assert "Waiting for approval" in text(browser, reverse("operations", args=[account.pk]) + "?state=held")


def test_requesting_above_the_spending_limit_needs_reauthentication(
    buyer: Client, account: Account, payer: Membership, limit: SpendingLimit
) -> None:
    factories.purchase(account, "shares", 1, "1m", cost="10.00", days_ago=400)
    with_password(payer)
    buyer.force_login(payer.user)
    stale(buyer)
    assert buy(buyer, account, 6).redirect_chain[0][0].startswith("/auth/reauthenticate/")
    assert not Operation.objects.filter(state=State.HELD).exists()
    buy(buyer, account, 2)
    assert Operation.objects.filter(state=State.WAITING).exists()


def test_starting_a_plan_above_the_spending_limit_needs_reauthentication(
    browser: Client, account: Account, owner: Membership, payer: Membership
) -> None:
    SpendingLimit.objects.create(team=owner.team, role=Role.OWNER, shares=0)
    plan = factories.plan(account, by=owner, spec={**factories.SPEC, "buy_shares": 2})
    start = reverse("plan_start", args=[account.pk, plan.pk])
    with_password(owner)
    browser.force_login(owner.user)
    stale(browser)
    assert browser.post(start)["Location"].startswith("/auth/reauthenticate/")
    client = Client()
    client.force_login(owner.user)
    assert client.post(start).status_code == 303
    page = text(client, reverse("plan", args=[account.pk, plan.pk]))
    assert "Waiting for approval by Ben." in page
    assert Plan.objects.get(pk=plan.pk).state == Plan.State.RUNNING


def test_page_shows_waiting_operations_with_the_use_of_the_limit(
    browser: Client, account: Account, owner: Membership, payer: Membership, limit: SpendingLimit
) -> None:
    held(account, payer, state=State.DONE, requested_shares=3, estimate="30.00")
    operation = held(account, payer)
    page = text(browser, approvals_of(owner))
    assert "Shares: 3 of 4 used this month, 6 more with this operation" in page
    assert "Money: 30.00 EUR of 100.00 EUR spent this month, about 60.00 EUR more with this operation" in page
    assert "Ben, Billing" in page
    html = browser.get(f"{approvals_of(owner)}?operation={operation.pk}").content.decode()
    assert re.search(rf'value="{operation.pk}"\s+checked', html)


def test_approval_by_another_member_is_shown_with_their_name(
    browser: Client, buyer: Client, account: Account, owner: Membership, payer: Membership
) -> None:
    operation = held(account, payer)
    page = words(decide(browser, owner, "approve", "for the shop", operation=operation.pk).content.decode())
    assert "1 operation approved." in page
    operation.refresh_from_db()
    assert (operation.state, operation.decided_by) == (State.WAITING, owner.user)
    page = text(buyer, reverse("operation", args=[account.pk, operation.pk]))
    assert f"Approved by {owner.user} “for the shop”" in page
    assert f"Approved {owner.user} “for the shop”" in text(buyer, approvals_of(payer))
    again = words(decide(browser, owner, "refuse", operation=operation.pk).content.decode())
    assert "No operations selected" in again


def test_requester_cannot_approve_their_own_operation(
    buyer: Client, account: Account, payer: Membership, owner: Membership
) -> None:
    operation = held(account, payer)
    assert f'id="operation-{operation.pk}"' not in buyer.get(approvals_of(payer)).content.decode()
    assert "No operations selected" in words(decide(buyer, payer, "approve", operation=operation.pk).content.decode())
    assert Operation.objects.get(pk=operation.pk).state == State.HELD


def test_decision_needs_reauthentication(
    browser: Client, account: Account, payer: Membership, owner: Membership
) -> None:
    operation = held(account, payer)
    with_password(owner)
    browser.force_login(owner.user)
    stale(browser)
    response = browser.post(
        reverse("team_approvals_decide", args=[owner.team_id]),
        {"decision": "approve", "operation": operation.pk, "next": approvals_of(owner)},
    )
    assert response["Location"].startswith("/auth/reauthenticate/")
    assert Operation.objects.get(pk=operation.pk).state == State.HELD


def test_bulk_action_is_decided_as_one_despite_a_failing_row(
    browser: Client, account: Account, payer: Membership, owner: Membership
) -> None:
    bulk = factories.bulk(account, by=payer, kind="hosting_account_product_renew")
    products = [factories.product(account) for _ in range(3)]
    rows = [
        held(
            account,
            payer,
            kind=bulk.kind,
            params={"product_id": product.remote_id, "duration": "1m"},
            product_id=product.remote_id,
            target=f"product:{product.remote_id}",
            subject=str(product),
            quantity=product.quantity,
            bulk=bulk,
        )
        for product in products
    ]
    assert "“Renew 3 products” (bulk action)" in text(browser, approvals_of(owner))
    products[0].delete()
    page = words(decide(browser, owner, "approve", bulk=bulk.pk).content.decode())
    assert "2 operations approved." in page
    assert "This product no longer exists." in page
    assert [Operation.objects.get(pk=row.pk).state for row in rows] == ["held", "waiting", "waiting"]


def test_too_long_comment_is_refused_and_the_form_keeps_its_input(
    browser: Client, account: Account, payer: Membership, owner: Membership
) -> None:
    operation = held(account, payer)
    response = decide(browser, owner, "approve", "x" * 501, operation=operation.pk)
    assert response.status_code == 422
    html = response.content.decode()
    assert "x" * 501 in html
    assert re.search(rf'value="{operation.pk}"\s+checked', html)


def test_narrowed_member_decides_only_operations_of_their_accounts(
    account: Account, owner: Membership, payer: Membership, limit: SpendingLimit
) -> None:
    other = factories.account(owner.team, label="Other")
    narrowed = factories.member(Role.BILLING, of=owner.team, narrowed=True)
    narrowed.accounts.add(account)
    theirs, hidden = held(account, payer), held(other, payer, subject="Hidden × 6")
    client = Client()
    client.force_login(narrowed.user)
    page = text(client, approvals_of(owner))
    assert "Shares × 6" in page
    assert "Hidden × 6" not in page
    decide(client, owner, "refuse", operation=[theirs.pk, hidden.pk])
    assert [Operation.objects.get(pk=each.pk).state for each in (theirs, hidden)] == ["declined", "held"]


def test_waiting_operation_needs_attention_of_approvers_then_of_all(
    browser: Client, buyer: Client, account: Account, owner: Membership, payer: Membership
) -> None:
    viewer, now = factories.member(Role.VIEWER, of=owner.team), timezone.now()
    held(account, payer)

    def seen(by: Membership) -> list[tuple[str, bool]]:
        return [(matter.why, matter.allowed) for matter in attention_items(account, by=by, now=now)]

    assert [seen(by) for by in (owner, payer, viewer)] == [[("held", True)], [], []]
    assert [counts([account], now, for_whom=[by])[account.pk] for by in (owner, payer, viewer)] == [1, 0, 0]
    assert re.search(
        r'id="approval-count"\s+class="[^"]+"\s*>1<', browser.get(f"/accounts/{account.pk}/").content.decode()
    )
    assert re.search(
        r'id="attention-count"\s+class="[^"]+"\s*>1<', browser.get(f"/accounts/{account.pk}/").content.decode()
    )
    assert "Decide" in text(browser, reverse("attention", args=[account.pk]))
    assert re.search(
        r'id="approval-count"\s+class="[^"]+"\s+hidden>0<', buyer.get(f"/accounts/{account.pk}/").content.decode()
    )
    Operation.objects.update(due_at=now + timedelta(hours=11))
    assert [seen(by) for by in (owner, payer, viewer)] == [[("held", True)], [("held", False)], [("held", False)]]


def test_spending_limits_are_saved_and_invalid_values_refused(browser: Client, owner: Membership) -> None:
    url = reverse("team_spending_limits", args=[owner.team_id])
    empty = {f"{role}_{name}": "" for role in ("owner", "billing") for name in ("shares", "money")}
    assert browser.post(url, {**empty, "billing_shares": "4", "billing_money": "99.50"}).status_code == 303
    limit = SpendingLimit.objects.get()
    assert (limit.role, limit.shares, str(limit.money)) == ("billing", 4, "99.50")
    for typed in ({"owner_shares": "4"}, {"billing_money": "-1"}, {"billing_shares": "many"}):
        response = browser.post(url, {**empty, **typed})
        assert response.status_code == 422
        assert next(iter(typed.values())) in response.content.decode()
    assert "Nobody else could approve operations above this limit" in text_of(
        browser.post(url, {**empty, "owner_shares": "4"})
    )
    assert browser.post(url, empty).status_code == 303
    assert not SpendingLimit.objects.exists()


def text_of(response: Any) -> str:
    return words(response.content.decode())


def test_page_warns_of_a_spending_limit_without_an_approver(
    browser: Client, owner: Membership, payer: Membership
) -> None:
    SpendingLimit.objects.create(team=owner.team, role=Role.OWNER, shares=4)
    url = reverse("team_spending_limits", args=[owner.team_id])
    assert "Nobody can approve" not in text(browser, url)
    payer.delete()
    assert "Nobody can approve operations of “Owner” above the limit" in text(browser, url)


def test_approvals_page_uses_the_same_queries_for_any_number(
    browser: Client,
    account: Account,
    owner: Membership,
    payer: Membership,
    limit: SpendingLimit,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    def fill(count: int) -> None:
        for number in range(count):
            held(account, payer, due_at=timezone.now() + timedelta(hours=number + 1))
            held(account, payer, state=State.DECLINED, decided_by=owner.user, decided_at=timezone.now())

    # Session, person, memberships; spending limits, spending, waiting operations, decisions, waiting limits, switcher.
    fill(3)
    with django_assert_num_queries(8):
        browser.get(approvals_of(owner))
    fill(40)
    with django_assert_num_queries(8):
        browser.get(approvals_of(owner))


def test_decisions_can_be_exported(browser: Client, account: Account, owner: Membership, payer: Membership) -> None:
    held(account, payer, state=State.DECLINED, decided_by=owner.user, decided_at=timezone.now(), decision_comment="=no")
    response = browser.get(f"{approvals_of(owner)}?format=csv")
    lines = b"".join(response.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[1].endswith('"\'=no"')
    assert ',"declined","declined",' in lines[1]


EMPTY = {f"{role}_{name}": "" for role in ("owner", "billing") for name in ("shares", "money")}


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def test_removed_limit_is_confirmed_by_another_owner_on_the_page(
    browser: Client, owner: Membership, limit: SpendingLimit
) -> None:
    other = factories.member(of=owner.team, person=factories.user("cleo@example.org", "Cleo"))
    url = reverse("team_spending_limits", args=[owner.team_id])
    assert "Raising or removing a limit needs another owner" in text(browser, url)
    answer = words(browser.post(url, {**EMPTY, "second_owner": "on"}, follow=True).content.decode())
    assert "another owner must confirm it on this page: Cleo" in answer
    assert "You can't confirm your own change. Ask Cleo" in answer
    assert "Billing: shares per month 4 → becomes no limit" in answer
    page = signed_in(other).get(url).content.decode()
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen
    # Neither the requester nor an old page decides.
    data = {"decision": "confirm", "seen": seen[1]}
    assert "You can't confirm your own change" in words(browser.post(url, data, follow=True).content.decode())
    late = signed_in(other).post(url, {**data, "seen": "2026-01-01T00:00:00+00:00"}, follow=True)
    assert "decided or replaced meanwhile" in words(late.content.decode())
    assert SpendingLimit.objects.exists()
    done = signed_in(other).post(url, data, follow=True)
    assert "Confirmed. The new limits apply from now on." in words(done.content.decode())
    assert not SpendingLimit.objects.exists()


def test_change_of_limits_can_be_withdrawn(browser: Client, owner: Membership, limit: SpendingLimit) -> None:
    factories.member(of=owner.team)
    url = reverse("team_spending_limits", args=[owner.team_id])
    page = browser.post(url, {**EMPTY, "second_owner": "on"}, follow=True).content.decode()
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen
    answer = browser.post(url, {"decision": "discard", "seen": seen[1]}, follow=True)
    assert "The change was discarded" in words(answer.content.decode())
    assert "Waiting for another owner" not in text(browser, url)
    assert SpendingLimit.objects.exists()


def test_approvals_page_shows_limits_that_wait_to_who_can_confirm_them(
    browser: Client, buyer: Client, owner: Membership, limit: SpendingLimit
) -> None:
    other = factories.member(of=owner.team, person=factories.user("cleo@example.org", "Cleo"))
    new = factories.member(of=owner.team, owner_since=timezone.now(), owner_through=owner.user)
    notice = "Higher spending limits wait for you"
    assert notice not in text(signed_in(other), approvals_of(owner))
    browser.post(reverse("team_spending_limits", args=[owner.team_id]), {**EMPTY, "second_owner": "on"})
    assert notice in text(signed_in(other), approvals_of(owner))
    for client in (browser, buyer, signed_in(new)):
        assert notice not in text(client, approvals_of(owner))


def test_new_owner_reads_who_must_confirm_and_is_refused_with_an_audit_entry(
    browser: Client, owner: Membership, limit: SpendingLimit
) -> None:
    factories.member(of=owner.team, person=factories.user("cleo@example.org", "Cleo"))
    new = factories.member(of=owner.team, owner_since=timezone.now(), owner_through=owner.user)
    url = reverse("team_spending_limits", args=[owner.team_id])
    browser.post(url, {**EMPTY, "second_owner": "on"})
    page = signed_in(new).get(url).content.decode()
    assert "Somebody else must confirm this change: Cleo." in words(page)
    assert 'value="confirm"' not in page
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen
    answer = signed_in(new).post(url, {"decision": "confirm", "seen": seen[1]}, follow=True)
    assert "Somebody else must confirm this change: Cleo." in words(answer.content.decode())
    refused = AuditEntry.objects.get(action="page.refused")
    assert (refused.actor_id, refused.detail["reason"]) == (new.user_id, "new_owner")
    assert SpendingLimit.objects.exists()


def test_owner_who_has_removed_the_other_reads_from_when_they_raise_limits_alone(
    browser: Client, owner: Membership, limit: SpendingLimit
) -> None:
    members.remove(factories.member(of=owner.team), by=owner)
    answer = browser.post(reverse("team_spending_limits", args=[owner.team_id]), EMPTY)
    assert answer.status_code == 422
    assert "You can raise limits without another owner from" in words(answer.content.decode())
    assert AuditEntry.objects.get(action="page.refused").detail["reason"] == "owner_removed"
    assert SpendingLimit.objects.exists()
