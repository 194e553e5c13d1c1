"""Concurrent work of members and workers: rows are locked in one order on PostgreSQL, without deadlocks."""

import uuid
from collections.abc import Iterator

import pytest
from django.db import transaction

from hosting.accounts import credential_rotation
from hosting.accounts.models import Account, Candidate
from hosting.annotations import notes, saved_views, tags
from hosting.annotations.models import ObjectType, Tag, TagUse
from hosting.operations.bulk import control as bulk
from hosting.operations.bulk.advance import advance as advance_bulk
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import approvals, cancel, decide
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.operations.plans import control as plans
from hosting.operations.plans.new_server import NewServer
from hosting.teams import settings as team_settings
from hosting.teams.audit import verification
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.people import invitations
from hosting.teams.people.membership_rules import Grant
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.roles import Role
from tests import factories
from tests.concurrently import at_once

TIMES = 8
PLAN = NewServer(
    buy_shares=4,
    duration="1m",
    hostname="shop",
    os_id=111,
    shares=4,
    cpu=2,
    login="admin",
    disk_size_mb=4096,
    disk_name="shop-data",
    disk_fstype="xfs",
)


@pytest.fixture
def by(transactional_db: None) -> Membership:
    return factories.member()


@pytest.fixture
def accounts(by: Membership) -> list[Account]:
    """Two handles of one login."""
    where = factories.endpoint()
    return [factories.account(by.team, endpoint=where, login="LOGIN", label=label) for label in ("A", "B")]


@pytest.fixture(autouse=True)
def audit_log_is_valid(transactional_db: None) -> Iterator[None]:
    """The audit log of each team stays one valid chain."""
    yield
    for team_id in AuditEntry.objects.order_by().values_list("team_id", flat=True).distinct():
        assert verification.verify(team_id).finding is None


def start_test(account: Account, by: Membership) -> Candidate:
    with transaction.atomic():
        return credential_rotation.start_test(account, by=by, password="another-passw0rd")


def test_new_credentials_arrive_while_earlier_ones_are_refused(accounts: list[Account], by: Membership) -> None:
    for _ in range(TIMES):
        earlier = start_test(accounts[0], by)
        at_once(
            lambda: credential_rotation.refuse(earlier, Candidate.Refusal.CREDENTIALS),  # noqa: B023 - over before the next
            lambda: start_test(accounts[0], by),
        )
        assert credential_rotation.open_of(accounts[0])


def test_two_handles_of_a_login_accept_a_password_concurrently(accounts: list[Account], by: Membership) -> None:
    for _ in range(TIMES):
        first, second = (start_test(account, by) for account in accounts)
        at_once(lambda: credential_rotation.accept(first), lambda: credential_rotation.accept(second))  # noqa: B023 - as above
        assert Account.objects.values("sealed_password").distinct().count() == 1


def test_tag_is_deleted_while_it_is_added_to_servers(accounts: list[Account], by: Membership) -> None:
    servers = {number: f"web-{number}" for number in range(100)}
    for number in range(TIMES):
        tag = tags.create(f"tag-{number}", "red", by=by)
        at_once(
            lambda: tags.put(accounts[0], ObjectType.VM, servers, on=[tag], by=by),  # noqa: B023 - as above
            lambda: tags.delete(tag, by=by),  # noqa: B023 - as above
        )
        assert not Tag.objects.exists()
        assert not TagUse.objects.exists()


def test_team_submits_different_changes_concurrently(accounts: list[Account], by: Membership) -> None:
    """Each change locks its own rows before the audit log of the team, to which all of them write."""
    first, second = accounts
    servers = [[factories.vm(account) for _ in range(TIMES)] for account in accounts]
    waiting = [factories.operation(first, by=by, vm_id=None, params={"vm_id": 10_000 + n}) for n in range(TIMES)]
    failed = [factories.operation(first, by=by, vm_id=None, state="failed") for _ in range(TIMES)]

    def rename(account: Account, number: int) -> None:
        tag = tags.create(f"{account.label} {number}", "red", by=by)
        tags.change(tag, f"{account.label} {number}b", "blue", by=by)

    for number in range(TIMES):
        stopped, other = servers[0][number], servers[1][number]
        at_once(
            lambda: submit(catalogue.StopVm(stopped.remote_id), account=first, by=by),  # noqa: B023 - over before the next
            lambda: submit(catalogue.StopVm(other.remote_id), account=second, by=by),  # noqa: B023 - as above
            lambda: cancel.cancel(waiting[number], by=by),  # noqa: B023 - as above
            lambda: decide.dismiss(failed[number], by=by),  # noqa: B023 - as above
            lambda: rename(first, number),  # noqa: B023 - as above
            lambda: rename(second, number),  # noqa: B023 - as above
            lambda: saved_views.save("servers", f"v{number}", "state=halted", shared=True, by=by),  # noqa: B023 - as above
            lambda: notes.write(
                second,
                ObjectType.VM,
                other.remote_id,  # noqa: B023 - as above
                "text",
                version=0,
                name="web",
                by=by,
            ),
            lambda: team_settings.update(name="Team", bulk_at_once=number + 10, by=by),  # noqa: B023 - as above
            lambda: start_test(second, by),
        )
    assert Operation.objects.filter(state="cancelled").count() == TIMES


def test_bulk_actions_advance_while_members_submit_operations(accounts: list[Account], by: Membership) -> None:
    bulks = [
        bulk.begin(
            "vm_stop",
            [(vm.remote_id, vm.hostname) for vm in (factories.vm(account) for _ in range(TIMES))],
            account=account,
            by=by,
            nonce=uuid.uuid4(),
        )
        for account in accounts
    ]
    single = [[factories.vm(account) for account in accounts] for _ in range(TIMES)]
    for number in range(TIMES):
        at_once(
            *(lambda one=one: advance_bulk(one.pk) for one in bulks),
            *(lambda vm=vm: submit(catalogue.StopVm(vm.remote_id), account=vm.account, by=by) for vm in single[number]),
            lambda: bulk.pause(bulks[0], by=by),
            lambda: bulk.resume(bulks[0], by=by),
        )
    assert Operation.objects.filter(bulk=bulks[1]).count() == TIMES


def test_tags_and_invitations_change_while_members_submit_operations(accounts: list[Account], by: Membership) -> None:
    """New rows refer to rows locked by others: references are checked before the audit log is locked, not at commit."""
    first, second = accounts
    servers = [factories.vm(first) for _ in range(TIMES)]
    for number in range(TIMES):
        server, tag = servers[number], tags.create(f"tag-{number}", "red", by=by)
        at_once(
            lambda: submit(catalogue.StopVm(server.remote_id), account=first, by=by),  # noqa: B023 - over before the next
            lambda: tags.change(tag, f"{number}b", "blue", by=by),  # noqa: B023 - as above
            lambda: tags.put(first, ObjectType.VM, {server.remote_id: "web"}, on=[tag], by=by),  # noqa: B023 - as above
            lambda: tags.put(second, ObjectType.VM, {1: "web"}, new=(f"new-{number}", "red"), by=by),  # noqa: B023 - as above
            lambda: invitations.invite(
                f"{number}@example.org",  # noqa: B023 - as above
                Grant(Role.VIEWER, frozenset({first.pk, second.pk})),
                by=by,
            ),
            lambda: credential_rotation.accept(start_test(first, by)),
        )
    assert Tag.objects.count() == TIMES * 2


def test_plans_start_while_others_spend(accounts: list[Account], by: Membership) -> None:
    SpendingLimit.objects.create(team=by.team, role=Role.OWNER, shares=1_000)
    for account in accounts:
        factories.os_image(account, remote_id=PLAN.os_id)
    for _ in range(TIMES):
        drafted = plans.draft(PLAN, account=accounts[0], by=by, nonce=uuid.uuid4(), secret=factories.PASSWORD)
        at_once(
            lambda: plans.start(drafted, by=by),  # noqa: B023 - over before the next
            *(
                lambda account=account: submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=by)
                for account in accounts * 2
            ),
        )
    assert Operation.objects.filter(step="buy").count() == TIMES


def test_concurrent_operations_cannot_exceed_a_spending_limit_together(accounts: list[Account], by: Membership) -> None:
    SpendingLimit.objects.create(team=by.team, role=Role.OWNER, shares=3)
    for _ in range(TIMES):
        Operation.objects.all().delete()
        at_once(
            *(
                lambda account=account: submit(catalogue.AddProduct("shares", 2, "1m"), account=account, by=by)
                for account in accounts
            )
        )
        assert sorted(Operation.objects.values_list("state", flat=True)) == [State.HELD, State.WAITING]


def test_operation_is_approved_while_it_is_withdrawn(accounts: list[Account], by: Membership) -> None:
    SpendingLimit.objects.create(team=by.team, role=Role.OWNER, shares=0)
    second = factories.member(Role.BILLING, of=by.team)
    for _ in range(TIMES):
        held = submit(catalogue.AddProduct("shares", 2, "1m"), account=accounts[0], by=by)
        at_once(
            lambda: approvals.approve(held, by=second),  # noqa: B023 - over before the next
            lambda: approvals.approve(held, by=second),  # noqa: B023 - as above
            lambda: cancel.cancel(held, by=by),  # noqa: B023 - as above
        )
        # What was approved first was still unsent when it was taken back.
        assert Operation.objects.get(pk=held.pk).state == State.CANCELLED
