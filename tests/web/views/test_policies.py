"""Team policies: who is refused access and what they see, and how an owner sets the policies."""

from datetime import time, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from hosting.teams.access.policy import Policy
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role
from tests import factories
from tests.web.access.signing_in import stale
from tests.web.browsing import without_isolation

HERE, ELSEWHERE = "192.0.2.7", "203.0.113.9"


def rules(team: Team, **values: object) -> None:
    Team.objects.filter(pk=team.pk).update(**values)
    team.refresh_from_db()


def give_second_factor(user: User) -> None:
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "sealed"})


def page(team: Team) -> str:
    return reverse("team_policies", args=[team.pk])


def words(client: Client, url: str, **more: str) -> str:
    return " ".join(client.get(url, **more).content.decode().split())  # type: ignore[arg-type]


def send(client: Client, team: Team, policy: str, **fields: object) -> tuple[int, str]:
    response = client.post(page(team), {"policy": policy, **fields}, REMOTE_ADDR=HERE)
    team.refresh_from_db()
    return response.status_code, response.content.decode()


@pytest.fixture
def pages(account: Account) -> list[str]:
    """Some pages of the account and some of the team."""
    vm = factories.vm(account)
    return [
        reverse("dashboard", args=[account.pk]),
        reverse("server", args=[account.pk, vm.remote_id]),
        reverse("connect"),
        page(account.team),
        reverse("team_settings", args=[account.team_id]),
    ]


# Networks --------------------------------------------------------------------------------------------------
def test_request_from_another_network_is_refused_with_a_reason(
    browser: Client, account: Account, owner: Membership, pages: list[str]
) -> None:
    factories.member(of=owner.team, person=factories.user(name="Ada Lovelace"))
    rules(owner.team, networks=["192.0.2.0/24"])
    for url in pages:
        assert browser.get(url, REMOTE_ADDR=HERE).status_code == 200, url
        refused = browser.get(url, REMOTE_ADDR=ELSEWHERE)
        assert refused.status_code == 403, url
    html = words(browser, pages[0], REMOTE_ADDR=ELSEWHERE)
    assert f"Your request came from {ELSEWHERE}" in html
    assert "Ada Lovelace" in html
    assert account.label not in html
    assert browser.post(pages[0] + "refresh/", REMOTE_ADDR=ELSEWHERE).status_code == 403
    line = AuditEntry.objects.filter(action="page.refused", detail__page="dashboard").get()
    assert (line.actor, line.address, line.detail["reason"]) == (owner.user, ELSEWHERE, "network")


def test_lift_networks_command_lets_a_locked_out_owner_back_in(
    browser: Client, account: Account, owner: Membership
) -> None:
    rules(owner.team, networks=["192.0.2.0/24"])
    url = reverse("dashboard", args=[account.pk])
    assert browser.get(url, REMOTE_ADDR=ELSEWHERE).status_code == 403
    call_command("lift_networks", str(owner.team_id))
    assert browser.get(url, REMOTE_ADDR=ELSEWHERE).status_code == 200
    line = AuditEntry.objects.get(action="policy.networks")
    assert (line.actor, line.before, line.after) == (None, {"networks": ["192.0.2.0/24"]}, {"networks": []})
    with pytest.raises(CommandError):
        call_command("lift_networks", "0")


def test_accounts_of_a_blocked_team_are_hidden(browser: Client, owner: Membership) -> None:
    account = factories.account(owner.team, label="Shut away")
    factories.vm(account, "shut-away-1")
    other = factories.member(person=owner.user)
    factories.account(other.team, label="Wide open")
    rules(owner.team, networks=["192.0.2.0/24"])
    for url in (reverse("accounts"), reverse("search") + "?q=shut-away", reverse("home")):
        html = browser.get(url, follow=True, REMOTE_ADDR=ELSEWHERE).content.decode()
        assert "Shut away" not in html
        assert "shut-away-1" not in html
        assert "Wide open" in html
    listed = words(browser, reverse("accounts"), REMOTE_ADDR=ELSEWHERE)
    assert "Access blocked" in listed
    assert owner.team.name in listed


def test_strangers_get_not_found_from_a_team_with_a_network_rule(
    client: Client, account: Account, owner: Membership
) -> None:
    rules(owner.team, networks=["192.0.2.0/24"])
    narrowed = factories.member(Role.VIEWER, of=owner.team, narrowed=True)
    for member in (factories.member(), narrowed):
        client.force_login(member.user)
        assert client.get(reverse("dashboard", args=[account.pk]), REMOTE_ADDR=ELSEWHERE).status_code == 404


def test_poll_of_a_blocked_page_reloads_it(browser: Client, account: Account, owner: Membership) -> None:
    rules(owner.team, networks=["192.0.2.0/24"])
    poll = browser.get(reverse("servers", args=[account.pk]), headers={"HX-Request": "true"}, REMOTE_ADDR=ELSEWHERE)
    assert poll["HX-Refresh"] == "true"
    assert not poll.content


# Sessions --------------------------------------------------------------------------------------------------
def test_old_sign_in_needs_reauthentication_and_returns_to_the_page(
    client: Client, owner: Membership, account: Account
) -> None:
    owner.user.set_password(factories.PASSWORD)
    owner.user.save()
    client.force_login(owner.user)
    rules(owner.team, session_hours=2)
    url = reverse("servers", args=[account.pk])
    assert client.get(url).status_code == 200
    stale(client, 2 * 3600)
    asked = client.get(url)
    assert asked.status_code == 302
    assert "2 hours after you sign in" in client.get(asked["Location"]).content.decode()
    answered = client.post(asked["Location"], {"password": factories.PASSWORD})
    assert answered["Location"] == url
    assert client.get(url).status_code == 200


def test_old_sign_in_still_opens_other_teams(browser: Client, owner: Membership) -> None:
    other = factories.account(factories.member(person=owner.user).team)
    rules(owner.team, session_hours=1)
    stale(browser, 3600)
    assert browser.get(reverse("dashboard", args=[other.pk])).status_code == 200
    assert "Confirm it's you" in words(browser, reverse("accounts"))


# Second factors --------------------------------------------------------------------------------------------
def test_member_is_told_the_deadline_for_a_second_factor(browser: Client, account: Account, owner: Membership) -> None:
    url = reverse("servers", args=[account.pk])
    assert "requires two-factor authentication" not in words(browser, url)
    rules(owner.team, two_factor_since=timezone.now(), grace_days=3)
    html = words(browser, url)
    assert "requires two-factor authentication. Set it up by" in html
    assert reverse("mfa_index") in html
    give_second_factor(owner.user)
    assert "requires two-factor authentication" not in words(browser, url)


def test_member_past_the_deadline_is_redirected_to_set_up_a_second_factor(
    browser: Client, account: Account, owner: Membership, pages: list[str]
) -> None:
    rules(owner.team, two_factor_since=timezone.now(), grace_days=0)
    for url in pages:
        response = browser.get(url)
        # The form to connect an account belongs to no team yet.
        assert response.status_code == (403 if url == reverse("connect") else 302), url
        assert response.status_code == 403 or response["Location"] == reverse("mfa_index")
    assert browser.post(pages[0] + "refresh/").status_code == 303
    assert "requires two-factor authentication" in words(browser, reverse("home"))
    assert browser.get(reverse("accounts")).status_code == 200
    give_second_factor(owner.user)
    assert browser.get(pages[0]).status_code == 200


def test_recovery_codes_alone_do_not_count_as_a_second_factor(
    browser: Client, account: Account, owner: Membership
) -> None:
    rules(owner.team, two_factor_since=timezone.now(), grace_days=0)
    Authenticator.objects.create(user=owner.user, type=Authenticator.Type.RECOVERY_CODES, data={})
    assert browser.get(reverse("dashboard", args=[account.pk])).status_code == 302


def test_grace_period_counts_from_joining_for_new_members(client: Client, account: Account, owner: Membership) -> None:
    rules(owner.team, two_factor_since=timezone.now() - timedelta(days=100), grace_days=5)
    for days, status in ((4, 200), (5, 302)):
        member = factories.member(Role.VIEWER, of=owner.team)
        Membership.objects.filter(pk=member.pk).update(created_at=timezone.now() - timedelta(days=days))
        client.force_login(member.user)
        assert client.get(reverse("dashboard", args=[account.pk])).status_code == status


def test_owner_sees_the_second_factor_state_of_members(
    browser: Client, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rules(owner.team, two_factor_since=timezone.now() - timedelta(days=10), grace_days=5)
    give_second_factor(owner.user)
    late = factories.member(Role.VIEWER, of=owner.team, person=factories.user(name="Late"))
    Membership.objects.filter(pk=late.pk).update(created_at=timezone.now() - timedelta(days=9))
    factories.member(Role.VIEWER, of=owner.team, person=factories.user(name="New"))
    html = words(browser, page(owner.team))
    assert [html.count(text) for text in ("Two-factor on", "No access since", "Due by")] == [1, 1, 1]
    for _ in range(5):
        factories.member(Role.VIEWER, of=owner.team)
    # Session, person, memberships, own second factor; the team's members, their second factors; switcher.
    with django_assert_num_queries(6):
        browser.get(page(owner.team))


def test_two_factor_rule_adds_one_query_and_other_rules_none(
    browser: Client, account: Account, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    url = reverse("changes", args=[account.pk])
    browser.get(url)
    # See tests/web/lists/test_lists.py.
    with django_assert_num_queries(6):
        browser.get(url)
    rules(
        owner.team,
        networks=["127.0.0.0/8"],
        session_hours=5,
        quiet_from=time(1),
        quiet_until=time(2),
    )
    with django_assert_num_queries(6):
        browser.get(url)
    rules(owner.team, two_factor_since=timezone.now(), grace_days=5)
    with django_assert_num_queries(7):
        browser.get(url)


# The page --------------------------------------------------------------------------------------------------
def test_every_member_can_read_the_policies_but_only_owners_change_them(client: Client, owner: Membership) -> None:
    rules(owner.team, networks=["192.0.2.0/24"], session_hours=8, quiet_from=time(22), quiet_until=time(6))
    client.force_login(factories.member(Role.ADMIN, of=owner.team).user)
    html = words(client, page(owner.team), REMOTE_ADDR=HERE)
    for rule in ("192.0.2.0/24", "8 hours after signing in", "from 22:00 until 06:00 (UTC)", "with just a password"):
        assert rule in html
    assert '<form method="post" action="#' not in html
    assert "Has none" not in html
    assert send(client, owner.team, "session", hours=1)[0] == 403
    assert owner.team.session_hours == 8


def test_policy_forms_need_reauthentication(client: Client, owner: Membership) -> None:
    owner.user.set_password(factories.PASSWORD)
    owner.user.save()
    client.force_login(owner.user)
    assert 'name="policy" value="session"' in words(client, page(owner.team))
    stale(client, 3600)
    html = words(client, page(owner.team))
    assert 'name="policy"' not in html
    assert 'href="?change=1"' in html
    for response in (client.get(page(owner.team) + "?change=1"), client.post(page(owner.team), {"policy": "session"})):
        assert response["Location"].startswith(reverse("account_reauthenticate"))


def test_each_policy_is_saved_and_recorded_separately(browser: Client, owner: Membership) -> None:
    team = owner.team
    give_second_factor(owner.user)
    assert send(browser, team, "two_factor", required="on", grace_days=5)[0] == 303
    assert send(browser, team, "session", hours=12)[0] == 303
    assert send(browser, team, "networks", networks="192.0.2.0/24\r\n\r\n 2001:DB8::/32 \r\n192.0.2.0/24")[0] == 303
    quiet = {"start": "22:00", "end": "06:00", "zone": "Europe/Paris", "days": ["4", "5"]}
    assert send(browser, team, "quiet", **quiet)[0] == 303
    assert team.two_factor_since is not None
    assert (team.grace_days, team.session_hours, team.networks) == (5, 12, ["192.0.2.0/24", "2001:db8::/32"])
    assert (team.quiet_from, team.quiet_until) == (time(22), time(6))
    assert (team.quiet_zone, team.quiet_days) == ("Europe/Paris", [4, 5])
    lines = {line.action: line for line in AuditEntry.objects.filter(team=team)}
    assert lines["policy.session"].before == {"session_hours": None}
    assert lines["policy.session"].after == {"session_hours": 12}
    assert lines["policy.quiet_hours"].after == {
        "quiet_from": "22:00:00",
        "quiet_until": "06:00:00",
        "quiet_zone": "Europe/Paris",
        "quiet_days": [4, 5],
    }
    assert set(lines) == {"policy.two_factor", "policy.session", "policy.networks", "policy.quiet_hours"}
    # Saving the same values records no change; empty values remove the policy.
    since = team.two_factor_since
    send(browser, team, "two_factor", required="on", grace_days=6)
    assert team.two_factor_since == since
    assert send(browser, team, "session", hours=12)[0] == 303
    assert AuditEntry.objects.filter(action="policy.session").count() == 1
    send(browser, team, "two_factor", grace_days=6)
    send(browser, team, "session", hours="")
    send(browser, team, "networks", networks="")
    send(browser, team, "quiet", **{**quiet, "start": "", "end": ""})
    assert team.policy() == Policy(grace_days=6)


def test_policy_that_locks_out_the_owner_is_refused(browser: Client, owner: Membership) -> None:
    status, html = send(browser, owner.team, "two_factor", required="on", grace_days=30)
    assert status == 422
    assert "so this would lock you out" in html
    status, html = send(browser, owner.team, "networks", networks=f"{ELSEWHERE}/32")
    assert status == 422
    assert f"Your own address, {HERE}, isn" in html
    # The form keeps its input.
    assert f"{ELSEWHERE}/32" in html
    assert (owner.team.two_factor_since, owner.team.networks) == (None, [])
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("policy", "fields", "says"),
    [
        ("networks", {"networks": "192.0.2.7/24"}, "Did you mean 192.0.2.0/24?"),
        ("networks", {"networks": "192.0.2.0/24\n<b>office</b>"}, "“<b>office</b>” isn't a valid network"),
        ("networks", {"networks": "\n".join(f"10.0.{n}.0/24" for n in range(101))}, "Enter up to 100 networks"),
        ("session", {"hours": "0"}, "Enter 1 to 8,784 hours."),
        ("session", {"hours": "99999999999999999999"}, "Enter 1 to 8,784 hours."),
        ("two_factor", {"grace_days": "31"}, "Enter 0 to 30 days."),
        ("two_factor", {"grace_days": ""}, "This field is required"),
        ("quiet", {"start": "22:00", "end": "", "days": ["1"]}, "Enter both times"),
        ("quiet", {"start": "22:00", "end": "06:00"}, "Choose at least one day"),
        ("quiet", {"start": "25:00", "end": "06:00", "days": ["1"]}, "Enter a valid time"),
        ("quiet", {"start": "22:00", "end": "06:00", "days": ["7"]}, "one of the available options"),
        ("quiet", {"start": "1:00", "end": "2:00", "days": ["1"], "zone": "Mars/Base"}, "one of the available options"),
        ("quiet", {"start": "09:00", "end": "09:00", "days": list("0123456")}, "nothing could ever be deleted"),
    ],
)
def test_invalid_input_is_shown_at_the_field(
    browser: Client, owner: Membership, policy: str, fields: dict[str, object], says: str
) -> None:
    status, html = send(browser, owner.team, policy, **fields)
    assert status == 422
    assert escape(says) in without_isolation(html)
    assert "is-invalid" in html
    assert not AuditEntry.objects.exists()


def test_unknown_policy_form_is_a_bad_request(browser: Client, owner: Membership) -> None:
    assert send(browser, owner.team, "nonsense")[0] == 400


# Quiet hours -----------------------------------------------------------------------------------------------
def test_deletes_are_disabled_in_quiet_hours_and_say_until_when(
    browser: Client, account: Account, owner: Membership
) -> None:
    vm = factories.vm(account, state="halted")
    server = reverse("server", args=[account.pk, vm.remote_id])
    delete = reverse("server_delete", args=[account.pk, vm.remote_id])
    now = timezone.now()
    rules(owner.team, quiet_from=(now - timedelta(hours=1)).time(), quiet_until=(now + timedelta(hours=1)).time())
    says = f"{now + timedelta(hours=1):%H:%M} (UTC)"
    html = words(browser, server)
    assert f'href="{delete}"' not in html
    assert says in html
    assert says in words(browser, delete)
    refused = browser.post(delete, {"name": vm.hostname})
    assert refused.status_code == 422
    assert says in refused.content.decode()
    assert not Operation.objects.exists()
    bulk = factories.bulk(account, by=owner, kind="disk_delete", state="paused", problem="quiet")
    for url in (reverse("bulk", args=[account.pk, bulk.pk]), reverse("attention", args=[account.pk])):
        assert "Deleting is blocked during your team" in words(browser, url)
    again = browser.post(reverse("bulk_resume", args=[account.pk, bulk.pk]), follow=True)
    assert says in again.content.decode()
