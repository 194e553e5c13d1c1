"""Who sees what: strangers see nothing, and a role sees no way to do what it may not."""

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories
from tests.web.browsing import Page, every_page


def ask(client: Client, page: Page) -> int:
    response = client.post(page.url) if page.posts else client.get(page.url)
    return response.status_code


def test_somebody_who_is_not_signed_in_is_led_to_sign_in_and_back(client: Client, account: Account) -> None:
    url = reverse("servers", args=[account.pk])
    response = client.get(url)
    assert response.status_code == 302
    assert response["Location"] == f"/auth/login/?next={url}"


def test_a_page_whose_session_ended_reloads_instead_of_swapping_a_sign_in_form(
    client: Client, account: Account
) -> None:
    response = client.get(reverse("servers", args=[account.pk]), headers={"HX-Request": "true"})
    assert response["HX-Refresh"] == "true"
    assert not response.content


def test_an_object_of_another_account_does_not_exist(browser: Client, account: Account, owner: Membership) -> None:
    other = factories.account(owner.team, label="Other")
    for page in every_page(other, owner):
        url = page.url.replace(f"/accounts/{other.pk}/", f"/accounts/{account.pk}/")
        if any(kind in page.name for kind in ("shares_", "server", "disk", "plan", "operation_", "bulk")) and any(
            character.isdigit() for character in url.removeprefix(f"/accounts/{account.pk}/")
        ):
            assert ask(browser, Page(page.name, url)) == 404, url


def test_a_refusal_has_the_look_of_the_panel_and_says_whom_to_ask(
    client: Client, account: Account, owner: Membership
) -> None:
    client.force_login(factories.member(Role.VIEWER, of=owner.team).user)
    page = client.get(reverse("server_new", args=[account.pk])).content.decode()
    assert "Ask an owner of the team" in page
    assert "Sharedeck" in page


def test_a_button_that_a_role_may_not_press_is_off_and_says_why(
    client: Client, account: Account, owner: Membership
) -> None:
    vm = factories.vm(account)
    client.force_login(factories.member(Role.VIEWER, of=owner.team).user)
    for url in (reverse("servers", args=[account.pk]), reverse("server", args=[account.pk, vm.remote_id])):
        page = client.get(url).content.decode()
        assert "formaction" not in page.replace(f'formaction="/accounts/{account.pk}/refresh/"', "")
        assert "Your role is read-only." in page


def test_a_change_needs_the_csrf_token(account: Account, owner: Membership) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner.user)
    for page in every_page(account, owner):
        response = strict.post(page.url)
        assert response.status_code in {403, 405}, page.url


def test_after_a_change_nobody_is_led_to_another_site(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    for evil in ("https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "?", "x"):
        response = browser.post(reverse("server_stop", args=[account.pk, vm.remote_id]), {"next": evil})
        assert response.status_code == 303
        assert response["Location"] == reverse("server", args=[account.pk, vm.remote_id])


def test_signing_up_is_closed(db: None, client: Client) -> None:
    page = client.get(reverse("account_signup")).content.decode()
    assert 'name="password1"' not in page


@pytest.mark.parametrize("number", ["0", "99999999999", "99999999999999999999999999"])
def test_a_number_that_no_row_can_have_is_not_found(browser: Client, account: Account, number: str) -> None:
    root = f"/accounts/{account.pk}"
    addresses = [f"/accounts/{number}/", f"{root}/servers/{number}/", f"{root}/disks/{number}/attach/"]
    addresses += [f"{root}/operations/{number}/", f"{root}/plans/{number}/", f"{root}/shares/{number}/renew/"]
    for url in addresses:
        assert browser.get(url).status_code == 404, url


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%FF",
        "state=nonsense",
        "page=-1",
        "page=99999999999",
        "page=" + "9" * 30,
        "page=" + "9" * 5000,
        "per_page=-3",
        "per_page=" + "9" * 30,
        "sort=;drop",
        "sort=1.5",
        "&".join(["sort=-id", *["sort=hostname", "sort=name"] * 400]),
        "q=" + "x" * 5000,
    ],
)
def test_nonsense_in_the_address_is_no_error(browser: Client, account: Account, query: str) -> None:
    for name in ("servers", "disks", "operations", "changes", "shares"):
        assert browser.get(f"{reverse(name, args=[account.pk])}?{query}").status_code == 200, name


@pytest.mark.parametrize("trouble", [True, False])
def test_buttons_are_off_while_nothing_can_be_sent(browser: Client, account: Account, trouble: bool) -> None:
    if trouble:
        account.trouble = Account.Trouble.CREDENTIALS
        account.save()
    else:
        account.endpoint.away_since = account.mirrored_at
        account.endpoint.save()
    vm = factories.vm(account)
    page = browser.get(reverse("servers", args=[account.pk])).content.decode()
    assert reverse("server_stop", args=[account.pk, vm.remote_id]) not in page
    assert ("credentials don" if trouble else "Nothing can be sent until it responds again") in page
