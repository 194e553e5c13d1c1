"""Both entries of a console in the audit log, whatever happens in between."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.request_origin import Origin
from hosting.teams.roles import NotAllowedError, Role
from hosting.viewings import lifecycle
from hosting.viewings.lifecycle import End
from hosting.viewings.models import Viewing
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Membership:
    return factories.member()


@pytest.fixture
def account(owner: Membership) -> Account:
    return factories.account(owner.team)


def opened(owner: Membership, account: Account) -> Viewing:
    owner.via = Origin(address="192.0.2.7", session="0123456789abcdef")
    return lifecycle.begin(
        by=owner, account=account, vm_remote_id=456, subject="web1", session="0123456789abcdef" + "0" * 24
    )


def closings() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action="console.closed"))


def test_closing_names_the_same_person_and_session_and_how_long_it_was(owner: Membership, account: Account) -> None:
    viewing = opened(owner, account)
    viewing.opened_at = timezone.now() - timedelta(seconds=90)
    assert lifecycle.end(viewing, End.IDLE)
    first, second = AuditEntry.objects.filter(thing="vm:456").order_by("sequence")
    same = ("actor_id", "actor_name", "address", "session", "subject", "account_id", "thing")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
    assert second.session == "0123456789abcdef"
    assert second.detail == {"reason": "idle", "seconds": 90}


def test_closing_is_recorded_once(owner: Membership, account: Account) -> None:
    viewing = opened(owner, account)
    assert lifecycle.end(viewing, End.LEFT)
    assert not lifecycle.end(viewing, End.LOST)
    assert len(closings()) == 1


def test_closing_is_recorded_for_a_person_who_has_left_the_team(owner: Membership, account: Account) -> None:
    member = factories.member(Role.OPERATOR, of=owner.team)
    viewing = opened(member, account)
    member.delete()
    lifecycle.end(viewing, End.ACCESS)
    assert closings()[0].actor_id == member.user_id


def test_sweep_closes_what_nobody_renews(owner: Membership, account: Account) -> None:
    lost, renewed = opened(owner, account), opened(owner, account)
    Viewing.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    lifecycle.renew([renewed.pk])
    lifecycle.sweep()
    assert [entry.detail["reason"] for entry in closings()] == ["lost"]
    assert not Viewing.objects.filter(pk=lost.pk).exists()
    assert Viewing.objects.filter(pk=renewed.pk).exists()


def test_role_without_the_permission_opens_nothing(owner: Membership, account: Account) -> None:
    with pytest.raises(NotAllowedError):
        opened(factories.member(Role.ADMIN, of=owner.team), account)
    assert not AuditEntry.objects.filter(action="console.opened").exists()
