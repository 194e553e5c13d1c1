"""A role that holds for some accounts: what is in the others is neither seen nor changed from there."""

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts import connect
from hosting.accounts.models import Account
from hosting.annotations import saved_views, tags
from hosting.operations.costs import prices
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError, Role
from tests import factories


@pytest.fixture
def other(owner: Membership, account: Account) -> Account:
    """Another account of the team, of the same login."""
    secret = factories.account(owner.team, label="Secret account", endpoint=account.endpoint, login=account.login)
    vm = factories.vm(secret, "secret-server")
    factories.disk(secret, "secret-disk", on=vm)
    factories.operation(secret, by=owner, state="failed", subject="secret-server")
    factories.tag(owner.team, "web farm", on=[vm, factories.vm(secret), factories.vm(account, "own-server")])
    return secret


def narrowed(role: str, account: Account) -> Membership:
    member = factories.member(role, of=account.team, narrowed=True)
    member.accounts.add(account)
    return member


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def text(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return response.content.decode()


def test_nothing_of_another_account_shows_anywhere(account: Account, other: Account) -> None:
    client = signed_in(narrowed(Role.ADMIN, account))
    elsewhere = narrowed(Role.VIEWER, account)
    elsewhere.accounts.set([other])
    pages = [reverse(name) for name in ("home", "accounts")]
    pages += [f"{reverse('search')}?q={words}" for words in ("secret", "web farm", "farm")]
    of_account = ("dashboard", "attention", "servers", "disks", "operations", "changes", "tags", "login", "trends")
    pages += [reverse(name, args=[account.pk]) for name in of_account]
    pages += [reverse("team", args=[account.team_id])]
    for url in pages:
        response = client.get(url, follow=True)
        assert response.status_code == 200, url
        page = response.content.decode().replace("q=secret", "").replace('value="secret"', "")
        assert "ecret-" not in page, url
        assert "Secret account" not in page, url
    assert "On 1 object\n" in text(client, reverse("tags", args=[account.pk]))
    for name in ("servers", "operations"):
        assert client.get(reverse(name, args=[other.pk]) + "?format=csv").status_code == 404


def test_what_all_accounts_share_is_not_changed_from_one(owner: Membership, account: Account, other: Account) -> None:
    member = narrowed(Role.OPERATOR, account)
    tag = tags.of_team(owner.team_id)[0]
    client = signed_in(member)
    assert "your role only covers some of them" in text(client, reverse("tags", args=[account.pk]))
    page = text(client, reverse("tag_edit", args=[account.pk, tag.pk]), 403)
    assert "but only in other accounts of the team" in page
    assert client.post(reverse("tag_delete", args=[account.pk, tag.pk])).status_code == 403
    with pytest.raises(NotAllowedError):
        tags.change(tag, "Mine", "red", by=member)
    with pytest.raises(NotAllowedError):
        tags.delete(tag, by=member)
    assert not saved_views.may_delete(factories.saved_view(owner), by=narrowed(Role.ADMIN, account))


def test_a_password_that_another_account_uses_too_is_not_replaced(account: Account, other: Account) -> None:
    member = narrowed(Role.ADMIN, account)
    words = {"label": "New label", "handle": account.handle}
    with pytest.raises(NotAllowedError) as refusal:
        connect.update(account, by=member, **words, password="another-passw0rd")
    assert refusal.value.narrowed
    connect.update(account, by=member, **words)
    account.refresh_from_db()
    assert account.label == "New label"
    with pytest.raises(NotAllowedError):
        connect.add_handle(account, by=member, label="Third", handle="CD3-DEMO")
    with pytest.raises(NotAllowedError):
        connect.update(account, by=member, label="New label", handle="CD3-DEMO")


def test_prices_that_another_account_paid_are_not_told(owner: Membership, account: Account, other: Account) -> None:
    factories.operation(
        other,
        by=owner,
        kind="hosting_account_product_add",
        params={"product_name": "shares", "quantity": 2, "duration": "1m"},
        state="done",
        cost="24.00",
        quantity=2,
        finished_at=account.mirrored_at,
    )
    assert prices.known(account)
    assert prices.known(account, seen_by=owner)
    assert not prices.known(account, seen_by=narrowed(Role.BILLING, account))
