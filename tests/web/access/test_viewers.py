"""Whether people at open consoles may stay: the same rules as for pages."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.teams.request_origin import Origin
from hosting.teams.roles import PERMISSIONS, Permission, Role
from hosting.viewings import lifecycle
from hosting.viewings.models import Viewing
from hosting.web.access import viewers
from safekeeping.sessions import stored_name
from tests import factories
from tests.web.access.signing_in import stale


def at_console(member: Membership, account: Account, client: Client | None = None) -> Viewing:
    client = client or Client()
    client.force_login(member.user)
    member.via = Origin(address="192.0.2.7")
    vm = factories.vm(account)
    return lifecycle.begin(
        by=member,
        account=account,
        vm_remote_id=vm.remote_id,
        subject=str(vm),
        session=stored_name(client.session.session_key or ""),
    )


@pytest.fixture
def member(owner: Membership) -> Membership:
    return factories.member(Role.OPERATOR, of=owner.team)


@pytest.fixture
def viewing(member: Membership, account: Account, client: Client) -> Viewing:
    found = at_console(member, account, client)
    assert viewers.admitted([found]) == {found.pk}
    return found


def admitted(viewing: Viewing) -> bool:
    return viewing.pk in viewers.admitted([viewing])


@pytest.mark.parametrize("role", Role.values)
def test_role_keeps_the_console_open_only_with_the_permission(viewing: Viewing, member: Membership, role: str) -> None:
    Membership.objects.filter(pk=member.pk).update(role=role)
    assert admitted(viewing) == (Permission.CONSOLE in PERMISSIONS[role])


def test_narrowed_role_keeps_consoles_of_its_accounts(viewing: Viewing, member: Membership, account: Account) -> None:
    Membership.objects.filter(pk=member.pk).update(narrowed=True)
    assert not admitted(viewing)
    member.accounts.add(account)
    assert admitted(viewing)


def test_expired_membership_ends_the_console(viewing: Viewing, member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not admitted(viewing)


def test_session_that_expired_ends_the_console(viewing: Viewing) -> None:
    Session.objects.filter(session_key=viewing.session).update(expire_date=timezone.now())
    assert not admitted(viewing)


def test_session_of_another_person_keeps_no_console(viewing: Viewing, member: Membership) -> None:
    Viewing.objects.filter(pk=viewing.pk).update(user=factories.member(Role.OPERATOR, of=member.team).user)
    viewing.refresh_from_db()
    assert not admitted(viewing)


def test_networks_of_the_team_are_compared_with_where_the_console_was_opened(
    viewing: Viewing, owner: Membership
) -> None:
    owner.team.networks = ["192.0.2.0/24"]
    owner.team.save()
    assert admitted(viewing)
    owner.team.networks = ["198.51.100.0/24"]
    owner.team.save()
    assert not admitted(viewing)


def test_second_factor_that_is_required_by_now_ends_the_console(viewing: Viewing, owner: Membership) -> None:
    team = owner.team
    team.two_factor_since, team.grace_days = timezone.now() - timedelta(days=1), 3
    team.save()
    assert admitted(viewing)
    Membership.objects.filter(team=team).update(created_at=timezone.now() - timedelta(days=9))
    team.two_factor_since = timezone.now() - timedelta(days=5)
    team.save()
    assert not admitted(viewing)


def test_length_of_sessions_ends_the_console(viewing: Viewing, owner: Membership, client: Client) -> None:
    owner.team.session_hours = 2
    owner.team.save()
    stale(client, 3600)
    assert admitted(viewing)
    stale(client, 3601)
    assert not admitted(viewing)


def test_queries_do_not_grow_with_the_people_at_consoles(
    owner: Membership, account: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    owner.team.two_factor_since, owner.team.grace_days = timezone.now(), 3
    owner.team.save()
    members = [factories.member(Role.OPERATOR, of=owner.team, narrowed=True) for _ in range(5)]
    for member in members:
        member.accounts.add(account)
    found = [at_console(member, account) for member in members]
    with django_assert_num_queries(5):
        assert viewers.admitted(found) == {viewing.pk for viewing in found}
