"""The credentials page, the account settings, further handles, and the account switcher."""

import re
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts import session_store
from hosting.accounts.models import Account, Candidate
from hosting.accounts.sealing import seal, unseal
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories


def candidate(account: Account, state: str, *, by: Membership | None = None, **fields: Any) -> Candidate:
    now = timezone.now()
    return Candidate.objects.create(
        account=account,
        state=state,
        asked_at=now,
        due_at=now,
        requested_by=by.user if by else None,
        **{"login": account.login, "handle": account.handle, **fields},
    )


def page_of(browser: Client, account: Account) -> str:
    return browser.get(reverse("login", args=[account.pk])).content.decode()


@pytest.mark.parametrize(
    ("trouble", "state", "fields", "words"),
    [
        ("untested", "testing", {}, "This page updates automatically"),
        ("untested", "unanswered", {}, "keeps trying to test the credentials"),
        ("untested", "expired", {}, "Test the credentials again when the provider responds"),
        ("credentials", "refused", {"refusal": "credentials"}, "Check the login and enter the password again"),
        ("handle", "refused", {"refusal": "handle", "handle": "X"}, "act as “<bdi>X</bdi>”"),
        ("", "testing", {"new_password": True}, "Your current credentials stay in use"),
        ("", "refused", {"refusal": "credentials", "new_password": True}, "The provider rejected the new password"),
        ("", "refused", {"refusal": "taken"}, "Enter another handle"),
        ("", "refused", {"refusal": "seal"}, "Enter it again"),
        ("", "expired", {"new_password": True}, "without a test"),
        ("", "accepted", {"ended_at": timezone.now()}, "The provider accepted these credentials"),
    ],
)
def test_credentials_page_shows_the_state_of_the_test_and_what_to_do(
    browser: Client, account: Account, trouble: str, state: str, fields: dict[str, Any], words: str
) -> None:
    Account.objects.update(trouble=trouble)
    candidate(account, state, **fields)
    page = page_of(browser, account)
    assert words in page
    assert ("still in use" in page) == (trouble == "" and state in {"refused", "expired"})
    assert ('data-open="true"' in page) == (state in {"testing", "unanswered"})


@pytest.mark.parametrize(("refusal", "field"), [("handle", "handle"), ("credentials", "password")])
def test_settings_show_a_refusal_at_its_field_and_keep_the_input(
    browser: Client, account: Account, refusal: str, field: str
) -> None:
    candidate(account, "refused", refusal=refusal, handle="TYPED-HANDLE", said="DataError: no [handle: x]")
    html = browser.get(reverse("account_settings", args=[account.pk])).content.decode()
    assert 'value="TYPED-HANDLE"' in html
    at = html.index(f'id="id_{field}"')
    assert "invalid-feedback" in html[at : at + 600]
    assert html.count("invalid-feedback") == 1


def test_login_name_can_be_corrected_until_the_first_import(browser: Client, account: Account) -> None:
    url = reverse("account_settings", args=[account.pk])
    assert 'name="login"' not in browser.get(url).content.decode()
    Account.objects.update(mirrored_at=None, trouble="credentials")
    assert 'name="login"' in browser.get(url).content.decode()
    browser.post(url, {"label": "x", "login": "RIGHT-1", "handle": "RIGHT-1", "password": "s3cret-1"})
    assert Candidate.objects.get().login == "RIGHT-1"


def test_saving_while_the_provider_is_unreachable_announces_a_later_test(browser: Client, account: Account) -> None:
    account.endpoint.away_since = timezone.now()
    account.endpoint.save()
    typed = {"label": account.label, "handle": account.handle, "password": "another-1"}
    page = browser.post(reverse("account_settings", args=[account.pk]), typed, follow=True).content.decode()
    assert "The credentials will be tested as soon as it does" in page
    assert "another-1" not in page


def test_new_handle_copies_the_password_without_showing_it(
    browser: Client, account: Account, owner: Membership
) -> None:
    url = reverse("handle_new", args=[account.pk])
    response = browser.post(url, {"label": "Customer", "handle": "CUST-1"})
    made = Account.objects.get(label="Customer")
    assert response["Location"] == reverse("login", args=[made.pk])
    assert (made.team, made.endpoint, made.login) == (account.team, account.endpoint, account.login)
    assert unseal(made.sealed_password) == unseal(account.sealed_password)
    assert "already" in browser.post(url, {"label": "Again", "handle": "CUST-1"}).content.decode()
    for each, other in ((account, made), (made, account)):
        page = page_of(browser, each)
        assert reverse("login", args=[other.pk]) in page
        assert unseal(account.sealed_password) not in page
    assert "other handle of this login" in browser.get(reverse("account_settings", args=[account.pk])).content.decode()


def test_account_with_rejected_credentials_gets_no_new_handle(browser: Client, account: Account) -> None:
    Account.objects.update(trouble="credentials")
    page = browser.post(reverse("handle_new", args=[account.pk]), {"label": "x", "handle": "y"})
    assert page.status_code == 422
    assert "Fix them first" in page.content.decode()


def test_page_shows_the_provider_session_without_its_id(browser: Client, account: Account) -> None:
    assert "Sharedeck signs in with the next request" in page_of(browser, account)
    session_store.put(session_store.session_key(account, "s3cret"), "the-session-id")
    session_store.record_refusal(account.pk)
    page = page_of(browser, account)
    assert "Session open" in page
    assert "12 hours" in page
    assert "Not in the last 7 days" not in page
    assert "the-session-id" not in page
    browser.post(reverse("login_again", args=[account.pk]))
    assert "Session open" not in page_of(browser, account)
    assert AuditEntry.objects.get().action == "account.signed_in_again"


def test_reconnect_without_redis_changes_nothing(
    browser: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> redis.Redis:
        raise redis.ConnectionError

    monkeypatch.setattr(session_store, "connection", gone)
    page = browser.post(reverse("login_again", args=[account.pk]), follow=True).content.decode()
    assert "Nothing was changed" in page
    assert not AuditEntry.objects.exists()


def test_rejected_credentials_need_attention_until_dismissed(browser: Client, account: Account) -> None:
    candidate(account, "refused", refusal="handle", handle="X")
    to_attention = reverse("attention", args=[account.pk])
    assert "New credentials were rejected" in browser.get(to_attention).content.decode()
    assert "1 needs attention" in browser.get(reverse("accounts")).content.decode()
    browser.post(reverse("login_dismiss", args=[account.pk]))
    assert not Candidate.objects.exists()
    assert "New credentials were rejected" not in browser.get(to_attention).content.decode()


def test_viewer_sees_the_credentials_page_without_buttons(client: Client, account: Account, owner: Membership) -> None:
    candidate(account, "refused", refusal="handle", by=owner)
    client.force_login(factories.member(Role.VIEWER, of=owner.team).user)
    page = page_of(client, account)
    assert "act as" in page
    assert reverse("login_again", args=[account.pk]) not in page
    assert reverse("handle_new", args=[account.pk]) not in page
    assert reverse("account_settings", args=[account.pk]) not in page


def test_account_with_untested_credentials_sends_nothing(browser: Client, account: Account) -> None:
    Account.objects.update(trouble="untested")
    vm = factories.vm(account)
    page = browser.post(reverse("server_stop", args=[account.pk, vm.remote_id]), follow=True).content.decode()
    assert "been tested yet. Nothing was sent" in page
    assert "Sharedeck reads and sends nothing until the provider accepts these credentials" in page
    assert "Nothing can be sent until they are accepted" in page


def switcher(html: str) -> str:
    return html.split('class="menu switcher"')[1].split("</details>", maxsplit=1)[0]


@pytest.mark.parametrize(("name", "there"), [("servers", "servers"), ("login", "login"), ("search", "dashboard")])
def test_account_switcher_stays_in_the_section(browser: Client, account: Account, name: str, there: str) -> None:
    other = factories.account(account.team, label="Other")
    html = switcher(browser.get(reverse(name, args=[] if name == "search" else [account.pk])).content.decode())
    assert f'href="{reverse(there, args=[other.pk])}"' in html
    assert (html.count('aria-current="true"') == 1) == (name != "search")


def test_account_switcher_groups_by_team_in_a_fixed_number_of_queries(
    browser: Client, owner: Membership, account: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    teams = [owner.team, *(factories.member(of=factories.team(name), person=owner.user).team for name in "BA")]
    for number in range(29):
        one = factories.account(teams[number % 3], label=f"Account {number}")
        if number % 2:
            candidate(one, "testing")
    browser.get(reverse("servers", args=[account.pk]))
    # The frame (4), and a list of servers without tags.
    with django_assert_num_queries(8):
        html = switcher(browser.get(reverse("servers", args=[account.pk])).content.decode())
    assert html.count('role="group"') == 3
    assert html.count("data-words") == 30
    assert "switcher-filter" in html
    groups = re.findall(r'role="group"\s+aria-label="([^"]+)"', html)
    assert groups == sorted(groups)


def test_list_of_accounts_counts_their_connection_states(browser: Client, account: Account) -> None:
    of = account.team
    candidate(factories.account(of, trouble="untested", mirrored_at=None), "testing")
    factories.account(of, trouble="credentials")
    away = factories.account(of)
    away.endpoint.away_since = timezone.now() - timedelta(hours=1)
    away.endpoint.save()
    factories.vm(account)
    html = browser.get(reverse("accounts")).content.decode()
    for words in (
        "Connected: 1",
        "Testing: 1",
        "The provider isn&#x27;t responding: 1",
        "Connection failed: 1",
        "1 server",
    ):
        assert words in html


def test_new_credentials_under_test_appear_on_no_page(browser: Client, account: Account) -> None:
    candidate(account, "testing", sealed_password=seal("candidate-1"), new_password=True)
    sealed = Candidate.objects.get().sealed_password
    for name in ("login", "account_settings", "dashboard", "attention", "handle_new"):
        html = browser.get(reverse(name, args=[account.pk])).content.decode()
        assert "candidate-1" not in html
        assert sealed not in html
        assert account.sealed_password not in html
