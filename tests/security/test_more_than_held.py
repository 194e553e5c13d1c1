"""Privilege escalation: nobody can get, grant or create more than they hold."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership, Team
from hosting.teams.people.models import Invitation
from hosting.teams.roles import PERMISSIONS, Permission, Role
from hosting.teams.tokens.models import ApiToken
from safekeeping.sessions import stored_name
from tests import factories
from tests.security.conftest import Other


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def sign_in(client: Client, member: Membership) -> None:
    """Sign in with email address and password."""
    if not member.user.has_usable_password():
        member.user.set_password(factories.PASSWORD)
        member.user.save()
    typed = {"login": member.user.email, "password": factories.PASSWORD}
    assert client.post("/auth/login/", typed).status_code == 302


@pytest.mark.parametrize("role", [role for role in Role.values if Permission.MANAGE_PEOPLE in PERMISSIONS[role]])
def test_member_cannot_grant_a_role_or_account_they_lack(
    account: Account, owner: Membership, other: Other, role: str
) -> None:
    giver = owner if role == Role.OWNER else factories.member(role, of=owner.team)
    viewer = factories.member(Role.VIEWER, of=owner.team)
    client = signed_in(giver)
    more = [role for role in Role.values if not PERMISSIONS[role] <= giver.permissions()]
    assert (role == Role.OWNER) == (not more)
    for target, form in (
        (reverse("invite", args=[owner.team_id]), {"email": "new@example.org"}),
        (reverse("member", args=[owner.team_id, viewer.pk]), {}),
    ):
        for wanted in (*more, "god", ""):
            answer = client.post(target, {**form, "role": wanted, "reach": "all", "until": ""})
            assert answer.status_code in {403, 422}, wanted
        theirs = {**form, "role": "viewer", "reach": "some", "accounts": [other.account.pk], "until": ""}
        assert client.post(target, theirs).status_code == 422
    assert not mail.outbox
    assert not Invitation.objects.filter(team=owner.team).exists()
    viewer.refresh_from_db()
    assert (viewer.role, viewer.narrowed, viewer.accounts.count()) == (Role.VIEWER, False, 0)


def test_admin_cannot_promote_themselves_or_change_an_owner(account: Account, owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    client = signed_in(admin)
    for member in (admin, owner):
        for wanted in (Role.OWNER, Role.VIEWER, Role.ADMIN):
            url = reverse("member", args=[owner.team_id, member.pk])
            client.post(url, {"role": wanted, "reach": "all", "until": ""})
    client.post(reverse("member_remove", args=[owner.team_id, owner.pk]))
    client.post(reverse("team_transfer", args=[owner.team_id]), {"to": admin.pk, "stay": "admin"})
    admin.refresh_from_db()
    owner.refresh_from_db()
    assert owner.role == Role.OWNER
    # To hold less is anybody's right.
    assert admin.role in {Role.ADMIN, Role.VIEWER}


@pytest.mark.parametrize("role", Role.values)
def test_token_form_grants_no_more_than_its_creator_holds(
    account: Account, owner: Membership, other: Other, role: str
) -> None:
    maker = owner if role == Role.OWNER else factories.member(role, of=owner.team)
    client = signed_in(maker)
    before = list(ApiToken.objects.filter(team=other.member.team))
    form: dict[str, Any] = {"name": "t", "reach": "all", "networks": "", "days": 90}
    extra = {"team": other.member.team_id, "owner": owner.user_id, "membership": owner.pk, "created_by": owner.user_id}
    for name in ("my_token_new", "team_token_new"):
        url = reverse(name, args=[owner.team_id])
        for permission in Permission:
            client.post(url, {**form, **extra, "name": f"{name} {permission}", "permissions": [permission.value]})
        client.post(url, {**form, "name": "theirs", "reach": "some", "accounts": [other.account.pk]})
        client.post(url, {**form, "name": "for ever", "days": 36500})
    made = ApiToken.objects.exclude(team=other.member.team)
    assert not made.filter(name__in=["theirs", "for ever"]).exists()
    assert ApiToken.objects.filter(team=other.member.team).count() == len(before)
    for token in made:
        assert set(token.permissions) <= {permission.value for permission in maker.permissions()}, token
        assert token.team_id == owner.team_id
        assert token.owner_id in {None, maker.user_id}
        assert not {Permission.MANAGE_PEOPLE, Permission.MANAGE_POLICIES} & set(token.permissions)
    others = signed_in(other.member)
    for token in made[:3]:
        for team in (owner.team_id, other.member.team_id):
            assert others.post(reverse("token_revoke", args=[team, token.pk])).status_code == 404
    assert not made.exclude(revoked_at=None).exists()


def test_sign_out_ends_the_session_and_a_new_password_all_others(owner: Membership) -> None:
    clients = [Client(), Client()]
    for client in clients:
        sign_in(client, owner)
        assert client.get(reverse("accounts")).status_code == 200
    stolen = Client()
    stolen.cookies["sessionid"] = clients[0].cookies["sessionid"].value
    assert stolen.get(reverse("accounts")).status_code == 200
    clients[0].post("/auth/logout/")
    assert stolen.get(reverse("accounts")).status_code == 302
    owner.user.set_password("an0ther-long-enough")
    owner.user.save()
    assert clients[1].get(reverse("accounts")).status_code == 302


def test_signing_in_replaces_a_planted_session(owner: Membership) -> None:
    attacker = Client()
    attacker.get("/auth/login/")
    attacker.session.save()
    planted = attacker.session
    planted["planted"] = True
    planted.save()
    victim = Client()
    victim.cookies["sessionid"] = str(planted.session_key)
    sign_in(victim, owner)
    assert victim.cookies["sessionid"].value != planted.session_key
    attacker.cookies["sessionid"] = str(planted.session_key)
    assert attacker.get(reverse("accounts")).status_code == 302
    assert not Session.objects.filter(session_key=stored_name(str(planted.session_key))).exists()


def test_search_runs_the_same_queries_whether_other_teams_match_or_not(
    browser: Client, account: Account, other: Other
) -> None:
    factories.vm(other.account, "their-only-server")
    counts = []
    for words in ("their-only-server", "nobody-has-this"):
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(reverse("search"), {"q": words}).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Team.objects.count() == 2
