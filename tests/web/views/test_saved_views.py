"""Saved views of lists."""

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.annotations.models import SavedView
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories


def save_url(account: Account, section: str, query: str) -> str:
    return reverse("view_save", args=[account.pk, section]) + f"?{query}"


@pytest.mark.parametrize(
    ("section", "asked", "kept"),
    [
        ("servers", "sort=-shares&q=%20web%20&state=halted&page=3&format=csv&x=1", "q=web&state=halted&sort=-shares"),
        ("servers", "state=nonsense&sort=shares", "sort=shares"),
        ("servers", "tag=5&sort=address&sort=shares", "tag=5"),
        ("disks", "state=created&sort=-size_mb", "state=created&sort=-size_mb"),
        ("shares", "q=x&sort=quantity", "sort=quantity"),
        ("operations", "state=failed&tag=1", "state=failed"),
        ("changes", "state=appeared&q=a%26b", "q=a%26b&state=appeared"),
    ],
)
def test_saved_view_keeps_only_valid_query_parameters(
    browser: Client, account: Account, section: str, asked: str, kept: str
) -> None:
    response = browser.post(save_url(account, section, asked), {"name": "Mine"})
    assert SavedView.objects.get().query == kept
    address = reverse(section, args=[account.pk])
    assert response["Location"] == f"{address}?{kept}"
    html = browser.get(address).content.decode()
    assert f'href="{address}?{kept.replace("&", "&amp;")}"' in html
    assert 'aria-current="page">\n' not in html[html.index('class="views"') :]
    assert "Save this view" not in browser.get(f"{address}?{kept}").content.decode()


def test_unfiltered_list_has_nothing_to_save(browser: Client, account: Account) -> None:
    assert "Save this view" not in browser.get(reverse("servers", args=[account.pk])).content.decode()
    response = browser.post(save_url(account, "servers", "page=2&state=nonsense"), {"name": "x"})
    assert response.status_code == 422
    assert "Nothing to save yet" in response.content.decode()


def test_shared_view_is_shown_to_all_members_of_the_team(
    browser: Client, client: Client, account: Account, owner: Membership
) -> None:
    browser.post(save_url(account, "servers", "state=halted"), {"name": "Ours", "shared": "on"})
    browser.post(save_url(account, "servers", "state=running"), {"name": "My own"})
    client.force_login(factories.member(Role.VIEWER, of=owner.team).user)
    html = client.get(reverse("servers", args=[account.pk])).content.decode()
    assert "Ours" in html
    assert "My own" not in html
    for view, status in ((SavedView.objects.get(name="Ours"), 403), (SavedView.objects.get(name="My own"), 404)):
        assert client.post(reverse("view_delete", args=[account.pk, view.pk])).status_code == status


def test_views_page_describes_and_deletes_views(browser: Client, account: Account, owner: Membership) -> None:
    tag = factories.tag(owner.team, "production")
    factories.saved_view(owner, "Busy", query=f"tag={tag.pk}&sort=-shares", shared=False)
    factories.saved_view(owner, "Lost", query="tag=999999", shared=False)
    page = reverse("views", args=[account.pk, "servers"])
    html = browser.get(page).content.decode()
    assert "Tag: <bdi>production</bdi>" in html
    assert "Sorted by: <bdi>Size ↓</bdi>" in html
    assert "deleted tag" in html
    for view in SavedView.objects.all():
        browser.post(reverse("view_delete", args=[account.pk, view.pk]), {"next": page})
    assert "No saved views yet" in browser.get(page).content.decode()


def test_only_lists_have_views(browser: Client, account: Account) -> None:
    for name in ("views", "view_save"):
        assert browser.get(reverse(name, args=[account.pk, "accounts"])).status_code == 404
