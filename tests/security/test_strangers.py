"""Guessed ids in URLs, forms, filters and headers: objects of other teams neither change nor show."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.annotations.models import Tag, TagUse
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.teams.models import Membership, Team
from hosting.web.answers import live
from tests import factories
from tests.security.conftest import Other
from tests.security.test_forms import snapshot
from tests.web.browsing import Page, every_page

SECRET_NAME = "their-secret-name"


@pytest.fixture
def theirs(other: Other) -> list[object]:
    """A snapshot of the other team before the attempts."""
    return snapshot(other.member.team)


def ids(url: str) -> list[str]:
    return re.findall(r"(?<=/)\d+(?=/)", url.partition("?")[0])


def send(client: Client, page: Page) -> list[int]:
    """Send POST as a form and as htmx, then GET; return the status codes."""
    answers = [
        client.post(page.url, {"nonce": str(uuid.uuid4())}),
        client.post(page.url, headers={"HX-Request": "true"}),
    ]
    return [response.status_code for response in [*answers, client.get(page.url)]]


def test_pages_of_another_team_are_not_found(
    browser: Client, account: Account, other: Other, theirs: list[object]
) -> None:
    for page in other.pages:
        assert set(send(browser, page)) <= {404, 405}, page.url
    assert snapshot(other.member.team) == theirs


def test_object_of_another_team_is_not_found_through_an_own_account(
    browser: Client, account: Account, owner: Membership, other: Other, theirs: list[object]
) -> None:
    mine = snapshot(owner.team)
    for page in other.pages:
        url = page.url.replace(f"/accounts/{other.account.pk}/", f"/accounts/{account.pk}/")
        url = url.replace(f"/teams/{other.member.team_id}/", f"/teams/{owner.team_id}/")
        if url == page.url or len(ids(url)) < 2:
            continue
        assert set(send(browser, Page(page.name, url))) <= {404, 405}, url
    assert snapshot(other.member.team) == theirs
    assert snapshot(owner.team) == mine


def test_object_of_another_own_account_is_not_found_through_this_one(
    browser: Client, account: Account, owner: Membership
) -> None:
    second = factories.account(owner.team, label="Second")
    pages = every_page(second, owner)
    before = snapshot(owner.team)
    of_team = {"tag_edit", "tag_delete", "view_delete"}
    for page in pages:
        url = page.url.replace(f"/accounts/{second.pk}/", f"/accounts/{account.pk}/")
        if url == page.url or len(ids(url)) < 2 or page.name in of_team:
            continue
        assert set(send(browser, Page(page.name, url))) <= {404, 405}, url
    assert snapshot(owner.team) == before


def test_ids_in_forms_cannot_reach_another_team(
    browser: Client, account: Account, owner: Membership, other: Other, theirs: list[object]
) -> None:
    their_vm = factories.vm(other.account, SECRET_NAME)
    their_disk = factories.disk(other.account, f"{SECRET_NAME}-disk")
    their_product = factories.product(other.account)
    their_tag = factories.tag(other.member.team, SECRET_NAME, on=[their_vm])
    their_os = factories.os_image(other.account, SECRET_NAME)
    vm, disk = factories.vm(account), factories.disk(account)
    before = snapshot(other.member.team)
    vm_ids, disk_ids = f"{their_vm.remote_id}", f"{their_disk.remote_id}"
    root = [account.pk]
    sent: list[tuple[str, dict[str, Any]]] = [
        (reverse("servers_bulk", args=root) + f"?action=stop&ids={vm_ids}", {"ids": vm_ids}),
        (reverse("servers_bulk", args=root) + f"?action=delete&ids={vm_ids}", {"ids": vm_ids, "count": 1}),
        (reverse("disks_bulk", args=root) + f"?action=delete&ids={disk_ids}", {"ids": disk_ids, "count": 1}),
        (reverse("shares_bulk", args=root) + "?action=renew", {"ids": str(their_product.remote_id), "duration": "1m"}),
        (reverse("servers_tags", args=root), {"ids": vm_ids, "on": their_tag.pk}),
        (reverse("disks_tags", args=root), {"ids": disk_ids, "on": their_tag.pk}),
        (reverse("server_tags", args=[*root, vm.remote_id]), {"on": their_tag.pk, "shown": str(their_tag.pk)}),
        (reverse("server_tags", args=[*root, vm.remote_id]), {"shown": str(their_tag.pk), "name": ""}),
        (reverse("disk_attach", args=[*root, disk.remote_id]), {"vm_id": f"#{their_vm.remote_id}"}),
        (reverse("disk_attach", args=[*root, disk.remote_id]), {"vm_id": SECRET_NAME}),
        (
            reverse("server_alone", args=root),
            {
                "os_id": their_os.remote_id,
                "hostname": "a",
                "shares": 1,
                "cpu": 1,
                "login": "admin",
                "password": "passw0rd-1",
            },
        ),
        (reverse("shares_estimate", args=root) + f"?for=renew&product={their_product.remote_id}", {"duration": "1m"}),
        (reverse("shares_estimate", args=root) + "?for=bulk", {"ids": str(their_product.remote_id), "duration": "1m"}),
    ]
    for url, form in sent:
        response = browser.post(url, form)
        assert response.status_code in {200, 302, 303, 404, 422}, url
        # Only what was typed comes back.
        assert "secret-name" not in response.content.decode().replace(f'value="{SECRET_NAME}"', ""), url
    assert snapshot(other.member.team) == before
    assert not Operation.objects.filter(account=account).exists()
    assert not Bulk.objects.filter(account=account).exists()
    assert not TagUse.objects.filter(account=account).exists()
    assert their_tag.uses.count() == 1


def test_member_of_two_teams_cannot_mix_their_objects(
    browser: Client, account: Account, owner: Membership, other: Other
) -> None:
    Membership.objects.create(team=other.member.team, user=owner.user, role="owner")
    vm, tag = factories.vm(account), factories.tag(other.member.team, "theirs")
    browser.post(reverse("server_tags", args=[account.pk, vm.remote_id]), {"on": tag.pk, "shown": "", "name": ""})
    assert not TagUse.objects.exclude(tag__team=owner.team).filter(account=account).exists()
    assert browser.get(reverse("tag_edit", args=[account.pk, tag.pk])).status_code == 404


def test_connecting_an_account_needs_a_managed_team(
    browser: Client, account: Account, owner: Membership, other: Other
) -> None:
    second = factories.member(person=owner.user)
    looking = factories.member("viewer", of=other.member.team, person=owner.user)
    form = {"endpoint": account.endpoint_id, "label": "L", "login": "L", "handle": "H", "password": "passw0rd-1"}
    for team in (other.member.team_id, "", 0, "x", -1):
        assert browser.post(reverse("connect"), {**form, "team": team}).status_code == 422, team
    assert browser.post(reverse("connect"), {**form, "team": second.team_id, "endpoint": 0}).status_code == 422
    assert not Account.objects.filter(team=looking.team).exclude(pk=other.account.pk).exists()


def test_known_nonce_of_another_team_reveals_nothing(browser: Client, account: Account, other: Other) -> None:
    """A nonce makes a form sent twice one operation; a guessed one must not reveal another team's operation."""
    known = factories.operation(other.account, by=other.member, subject=SECRET_NAME, nonce=uuid.uuid4())
    vm = factories.vm(account)
    response = browser.post(
        reverse("server_stop", args=[account.pk, vm.remote_id]), {"nonce": str(known.nonce)}, follow=True
    )
    assert SECRET_NAME not in response.content.decode()
    assert Operation.objects.filter(account=account, vm_id=vm.remote_id).count() == 1


def test_search_lists_filters_and_exports_show_nothing_of_another_team(
    browser: Client, account: Account, owner: Membership, other: Other
) -> None:
    vm = factories.vm(other.account, SECRET_NAME)
    disk = factories.disk(other.account, SECRET_NAME, on=vm)
    tag = factories.tag(other.member.team, SECRET_NAME, on=[vm, disk])
    factories.operation(other.account, by=other.member, subject=SECRET_NAME)
    factories.change(other.account, name=SECRET_NAME)
    factories.saved_view(other.member, SECRET_NAME)
    Account.objects.filter(pk=other.account.pk).update(label=SECRET_NAME)
    Team.objects.filter(pk=other.member.team_id).update(name=SECRET_NAME)
    factories.vm(account, "mine")
    asked = ["", "?q=secret", f"?q={vm.remote_id}", f"?tag={tag.pk}", f"?tag={tag.pk}&format=csv", "?format=csv"]
    for name in ("servers", "disks", "shares", "operations", "changes", "tags", "dashboard", "attention", "trends"):
        for query in asked:
            check_absent(browser, reverse(name, args=[account.pk]) + query)
    for section in ("servers", "disks", "operations", "changes"):
        check_absent(browser, reverse("views", args=[account.pk, section]))
    for url in (reverse("accounts"), f"{reverse('search')}?q=secret", f"{reverse('search')}?q={vm.remote_id}"):
        check_absent(browser, url)
    check_absent(browser, reverse("team_settings", args=[owner.team_id]))


def check_absent(browser: Client, url: str) -> None:
    response: Any = browser.get(url)
    content = b"".join(response.streaming_content) if response.streaming else response.content
    assert SECRET_NAME not in content.decode(), url


def test_poll_does_not_reveal_changes_of_another_team(
    browser: Client, account: Account, owner: Membership, other: Other
) -> None:
    url = reverse("dashboard", args=[other.account.pk])
    for user_id, account_id in (
        (owner.user_id, account.pk),
        (other.member.user_id, other.account.pk),
        (owner.user_id, other.account.pk + 1),
    ):
        for version in range(3):
            shown = live.token(user_id, account_id, version, silence=None, importing=False, import_=None)
            response = browser.get(url, headers={"HX-Request": "true", live.HEADER: shown})
            assert response.status_code == 404
    # What is not signed is not believed.
    assert browser.get(url, headers={"HX-Request": "true", live.HEADER: "1"}).status_code == 404


def test_foreign_and_missing_objects_get_the_same_answer_and_queries(
    browser: Client, account: Account, other: Other
) -> None:
    """Same text and same queries: neither the page nor its timing reveals which ids exist."""
    for page in other.pages:
        if page.posts:
            continue
        taken = page.url.partition("?")[0]
        free = re.sub(r"(?<=/)\d+(?=/)", "987654321", taken)
        answers = []
        for url in (taken, free):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                response = browser.get(url)
            # The nonce of the page's scripts is another one each time.
            words = re.sub(r'nonce="[^"]+"', "", response.content.decode().replace(url, ""))
            answers.append((response.status_code, words, len(queries)))
        assert answers[0] == answers[1], page.url


def test_former_member_cannot_act_in_the_team(browser: Client, account: Account, owner: Membership) -> None:
    member = factories.member("operator", of=owner.team)
    client = Client()
    client.force_login(member.user)
    vm = factories.vm(account)
    stop = reverse("server_stop", args=[account.pk, vm.remote_id])
    assert client.get(reverse("server", args=[account.pk, vm.remote_id])).status_code == 200
    Membership.objects.filter(pk=member.pk).update(expires_at=timezone.now())
    assert client.post(stop).status_code == 404
    member.delete()
    assert client.post(stop).status_code == 404
    assert not Operation.objects.exists()
    assert not Plan.objects.exists()
    assert not Tag.objects.exists()
