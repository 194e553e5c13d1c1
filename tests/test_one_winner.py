"""People and workers who do the same at the same moment: one of them wins, and nothing is doubled."""

import uuid
from collections.abc import Callable
from functools import partial

import pytest
from django.core import mail
from pytest_django import Settings

from hosting import jobs
from hosting.accounts.models import Account
from hosting.annotations import saved_views, tags
from hosting.mail import outbox
from hosting.mail.models import OutgoingMail
from hosting.operations.bulk import control as bulks
from hosting.operations.bulk.advance import advance as advance_bulk
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import approvals, cancel, conclude, decide
from hosting.operations.lifecycle.submit import retry, submit
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import AlreadyRetried, Invalid, NotEnough, Rejected, WrongState
from hosting.operations.models.states import State
from hosting.operations.plans import control as plans
from hosting.operations.plans.advance import advance as advance_plan
from hosting.teams import rejection
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.roles import Role
from tests import factories
from tests.concurrently import at_once
from tests.test_at_once import PLAN

TIMES = 4
SECRET = "r00t-of-it"
SHARES = catalogue.AddProduct("shares", 2, "1m")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def by() -> Membership:
    return factories.member()


@pytest.fixture
def second(by: Membership) -> Membership:
    return factories.member(of=by.team)


@pytest.fixture
def third(by: Membership) -> Membership:
    return factories.member(Role.BILLING, of=by.team)


@pytest.fixture
def account(by: Membership) -> Account:
    return factories.account(by.team)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int | str]:
    """The operations whose job SEND was enqueued."""
    found: list[int | str] = []

    def note(job: jobs.Job, arguments: tuple[int | str, ...]) -> None:
        if job is jobs.Job.SEND:
            found.append(arguments[0])

    monkeypatch.setattr(jobs, "_send", note)
    return found


def entries(action: str) -> int:
    return AuditEntry.objects.filter(action=action).count()


def test_two_people_approve_an_operation(
    account: Account, by: Membership, second: Membership, third: Membership, sent: list[int | str]
) -> None:
    SpendingLimit.objects.create(team=by.team, role=Role.OWNER, shares=0)
    for number in range(1, TIMES + 1):
        held = submit(SHARES, account=account, by=by)
        results = at_once(*(partial(approvals.approve, held, by=each) for each in (second, third)))
        assert sorted(map(bool, results)) == [False, True]
        assert sent.count(held.pk) == 1
        assert entries("operation.approved") == number


def test_one_person_approves_what_another_refuses(
    account: Account, by: Membership, second: Membership, third: Membership, sent: list[int | str]
) -> None:
    SpendingLimit.objects.create(team=by.team, role=Role.OWNER, shares=0)
    for _ in range(TIMES):
        held = submit(SHARES, account=account, by=by)
        approved, refused = at_once(
            partial(approvals.approve, held, by=second), partial(approvals.refuse, held, by=third)
        )
        held.refresh_from_db()
        assert (approved, refused) == ((True, False) if held.state == State.WAITING else (False, True))
        assert sent.count(held.pk) == approved


def test_two_people_cancel_an_operation(account: Account, by: Membership, second: Membership) -> None:
    for number in range(1, TIMES + 1):
        waiting = submit(SHARES, account=account, by=by)
        results = at_once(*(partial(cancel.cancel, waiting, by=each) for each in (by, second)))
        assert sorted(map(bool, results)) == [False, True]
        assert entries("operation.cancelled") == number


def test_operation_is_cancelled_while_a_worker_claims_it(account: Account, by: Membership) -> None:
    for _ in range(TIMES):
        waiting = submit(SHARES, account=account, by=by)
        cancelled, claimed = at_once(
            partial(cancel.cancel, waiting, by=by), partial(conclude.move, waiting, State.WAITING, State.SENDING)
        )
        waiting.refresh_from_db()
        assert (cancelled, claimed) == ((False, True) if waiting.state == State.SENDING else (True, False))


def test_two_workers_claim_an_operation(account: Account, by: Membership) -> None:
    for _ in range(TIMES):
        waiting = submit(SHARES, account=account, by=by)
        results = at_once(*[partial(conclude.move, waiting, State.WAITING, State.SENDING)] * 3)
        assert sorted(map(bool, results)) == [False, False, True]


def test_form_sent_twice_requests_one_operation(account: Account, by: Membership, sent: list[int | str]) -> None:
    for _ in range(TIMES):
        nonce = uuid.uuid4()
        results = at_once(*[partial(submit, SHARES, account=account, by=by, nonce=nonce)] * 3)
        (operation,) = Operation.objects.filter(nonce=nonce)
        assert results == [operation] * 3
        assert sent.count(operation.pk) == 1


def test_two_people_request_a_change_of_one_server(account: Account, by: Membership, second: Membership) -> None:
    for _ in range(TIMES):
        vm = factories.vm(account)
        results = at_once(
            *(partial(submit, catalogue.StopVm(vm.remote_id), account=account, by=each) for each in (by, second)),
            refusals=[Rejected],
        )
        assert sum(isinstance(each, Operation) for each in results) == 1
        assert Operation.objects.filter(vm_id=vm.remote_id).count() == 1


def test_two_people_reserve_the_last_free_shares(account: Account, by: Membership, second: Membership) -> None:
    """Ten of its shares are free."""
    image = factories.os_image(account)
    create = catalogue.CreateVm("web", image.remote_id, 6, 1, "admin")
    for _ in range(TIMES):
        Operation.objects.all().delete()
        results = at_once(
            *(partial(submit, create, account=account, by=each, secret=SECRET) for each in (by, second)),
            refusals=[NotEnough],
        )
        assert sum(isinstance(each, Operation) for each in results) == 1
        assert Operation.objects.count() == 1


def test_two_people_retry_one_purchase(account: Account, by: Membership, second: Membership) -> None:
    for _ in range(TIMES):
        failed = submit(SHARES, account=account, by=by)
        Operation.objects.filter(pk=failed.pk).update(state=State.FAILED)
        failed.refresh_from_db()
        results = at_once(*(partial(retry, failed, by=each) for each in (by, second)), refusals=[AlreadyRetried])
        (again,) = failed.retries.all()
        assert again in results


def test_purchase_is_retried_once_however_its_retry_ends(account: Account, by: Membership, second: Membership) -> None:
    failed = factories.operation(account, by=by, kind="hosting_account_product_add", state=State.FAILED, vm_id=None)
    Operation.objects.filter(pk=failed.pk).update(params=SHARES.as_params())
    failed.refresh_from_db()
    again = retry(failed, by=by)
    for state in State:
        Operation.objects.filter(pk=again.pk).update(state=state)
        with pytest.raises(AlreadyRetried, match=str(by.user)):
            retry(failed, by=second)
    Operation.objects.filter(pk=again.pk).update(state=State.REFUSED)
    again.refresh_from_db()
    assert retry(again, by=second).retry_of == again


def failed_bulk(account: Account, by: Membership) -> tuple[Bulk, Operation]:
    """A bulk action that has renewed nothing."""
    product = factories.product(account)
    bulk = bulks.begin(
        "hosting_account_product_renew",
        [(product.remote_id, "shares")],
        account=account,
        by=by,
        nonce=uuid.uuid4(),
        params={"duration": "1m"},
    )
    advance_bulk(bulk.pk)
    operation = bulk.operations.get()
    conclude.move(operation, State.WAITING, State.NOT_SENT)
    advance_bulk(bulk.pk)
    operation.refresh_from_db()
    return bulk, operation


def test_operation_of_a_bulk_action_is_retried_while_the_bulk_action_is(
    account: Account, by: Membership, second: Membership
) -> None:
    for _ in range(TIMES):
        bulk, failed = failed_bulk(account, by)
        at_once(
            partial(retry, failed, by=by),
            partial(bulks.retry_failed, bulk, by=second),
            partial(advance_bulk, bulk.pk),
            refusals=[Rejected],
        )
        advance_bulk(bulk.pk)
        (again,) = failed.retries.all()
        conclude.move(again, State.WAITING, State.NOT_SENT)
        # What was retried by itself is not retried by the bulk action once more.
        if again.bulk_id is None:
            with pytest.raises(WrongState):
                bulks.retry_failed(bulk, by=second)


def test_two_people_retry_the_failed_rows_of_a_bulk_action(
    account: Account, by: Membership, second: Membership
) -> None:
    for _ in range(TIMES):
        bulk, failed = failed_bulk(account, by)
        results = at_once(*(partial(bulks.retry_failed, bulk, by=each) for each in (by, second)), refusals=[WrongState])
        assert [each for each in results if not isinstance(each, WrongState)] == [1]
        assert BulkRow.objects.get(bulk=bulk).attempt == 2
        advance_bulk(bulk.pk)
        assert failed.retries.count() == 1


def test_several_workers_advance_a_bulk_action(account: Account, by: Membership) -> None:
    for _ in range(TIMES):
        servers = [factories.vm(account) for _ in range(by.team.bulk_at_once + 3)]
        objects = [(vm.remote_id, vm.hostname) for vm in servers]
        bulk = bulks.begin("vm_stop", objects, account=account, by=by, nonce=uuid.uuid4())
        at_once(*[partial(advance_bulk, bulk.pk)] * 4)
        assert bulk.operations.count() == by.team.bulk_at_once
        bulk.operations.update(state=State.DONE)
        at_once(*[partial(advance_bulk, bulk.pk)] * 4)
        targets = [number for number in bulk.operations.values_list("vm_id", flat=True) if number is not None]
        assert sorted(targets) == sorted(vm.remote_id for vm in servers)


def test_bulk_action_requested_twice_is_one(account: Account, by: Membership) -> None:
    for _ in range(TIMES):
        vm, nonce = factories.vm(account), uuid.uuid4()
        begin = partial(bulks.begin, "vm_stop", [(vm.remote_id, "web")], account=account, by=by, nonce=nonce)
        results = at_once(*[begin] * 3)
        (bulk,) = Bulk.objects.filter(nonce=nonce)
        assert results == [bulk] * 3
        assert bulk.rows.count() == 1


@pytest.fixture
def drafted(account: Account, by: Membership) -> Callable[[], Plan]:
    factories.os_image(account, remote_id=PLAN.os_id)
    return lambda: plans.draft(PLAN, account=account, by=by, nonce=uuid.uuid4(), secret=factories.PASSWORD)


def test_two_people_start_a_plan_that_workers_advance(
    drafted: Callable[[], Plan], by: Membership, second: Membership
) -> None:
    for number in range(1, TIMES + 1):
        plan = drafted()
        at_once(
            *(partial(plans.start, plan, by=each) for each in (by, second)),
            *[partial(advance_plan, plan.pk)] * 2,
        )
        assert plan.operations.count() == 1
        assert entries("plan.started") == number


def test_plan_is_discarded_while_it_is_started(drafted: Callable[[], Plan], by: Membership, second: Membership) -> None:
    for _ in range(TIMES):
        plan = drafted()
        at_once(partial(plans.start, plan, by=by), partial(plans.abandon, plan, by=second), refusals=[Rejected])
        plan.refresh_from_db()
        assert plan.state in {Plan.State.RUNNING, Plan.State.ABANDONED}
        assert plan.operations.count() == (plan.state == Plan.State.RUNNING)


def test_plan_sent_twice_is_drafted_once(account: Account, by: Membership) -> None:
    factories.os_image(account, remote_id=PLAN.os_id)
    for _ in range(TIMES):
        draft = partial(plans.draft, PLAN, account=account, by=by, nonce=uuid.uuid4(), secret=factories.PASSWORD)
        first, other = at_once(draft, draft)
        assert first == other


def test_two_people_decide_differently_on_an_unconfirmed_operation(
    account: Account, by: Membership, second: Membership
) -> None:
    for number in range(TIMES):
        remote_id = number + 1
        unconfirmed = factories.operation(
            account,
            by=by,
            state=State.UNCERTAIN,
            needs_person=True,
            problem={"candidates": [{"id": remote_id, "objects": {}}]},
            kind="hosting_account_product_add",
            params=SHARES.as_params(),
            vm_id=None,
        )
        results = at_once(
            partial(decide.decide, unconfirmed, remote_id, by=by),
            partial(decide.decide, unconfirmed, None, by=second),
            refusals=[Invalid],
        )
        assert sum(result is None for result in results) == 1
        unconfirmed.refresh_from_db()
        assert (unconfirmed.remote_id is None) == (unconfirmed.state == State.RELEASED)


def test_two_unconfirmed_operations_are_matched_with_the_same_one_of_the_provider(
    account: Account, by: Membership, second: Membership
) -> None:
    for number in range(TIMES):
        pair = [
            factories.operation(
                account,
                by=by,
                state=State.UNCERTAIN,
                needs_person=True,
                problem={"candidates": [{"id": number + 1, "objects": {}}]},
                kind="hosting_account_product_add",
                params=SHARES.as_params(),
                vm_id=None,
            )
            for _ in range(2)
        ]
        results = at_once(
            *(partial(decide.decide, each, number + 1, by=who) for each, who in zip(pair, (by, second), strict=True)),
            refusals=[Invalid],
        )
        assert sum(result is None for result in results) == 1
        assert Operation.objects.filter(remote_id=number + 1).count() == 1


def test_two_people_dismiss_a_failure(account: Account, by: Membership, second: Membership) -> None:
    for _ in range(TIMES):
        failed = factories.operation(account, by=by, state=State.FAILED)
        results = at_once(*(partial(decide.dismiss, failed, by=each) for each in (by, second)))
        assert sorted(map(bool, results)) == [False, True]


def test_tags_and_views_of_one_name_are_created_once(by: Membership, second: Membership) -> None:
    for number in range(TIMES):
        save = partial(saved_views.save, "servers", f"View {number}", "state=halted", shared=True, by=by)
        create = [partial(tags.create, f"Tag {number}", "red", by=each) for each in (by, second)]
        at_once(*create, save, save, refusals=[rejection.Rejected])
        assert by.team.tags.filter(name=f"Tag {number}").count() == 1
        assert by.team.saved_views.filter(name=f"View {number}", shared=True).count() == 1


def test_two_workers_send_a_mail(settings: Settings) -> None:
    settings.MAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    for number in range(1, TIMES + 1):
        outbox.put([mail.EmailMessage("Hello", "World", to=["ada@example.org"])])
        at_once(*[partial(outbox.send, OutgoingMail.objects.get().pk)] * 3)
        assert len(mail.outbox) == number
        assert not OutgoingMail.objects.exists()
