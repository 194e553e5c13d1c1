"""Tags and notes: lists, forms and search, and no access for strangers and viewers."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.annotations import notes, tags
from hosting.annotations.models import Note, ObjectType, Tag, TagUse
from hosting.operations.models.bulk import Bulk
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories
from tests.web.lists.test_lists import rows

VM = ObjectType.VM


def on(account: Account, remote_id: int) -> list[str]:
    return [tag.name for tag in tags.of_object(account, VM, remote_id)]


def test_list_shows_tags_and_can_be_filtered_by_one(browser: Client, account: Account, owner: Membership) -> None:
    web, db = factories.vm(account, "web-1"), factories.vm(account, "db-1")
    tag = factories.tag(owner.team, "produc<tion", on=[web])
    url = reverse("servers", args=[account.pk])
    html = browser.get(url).content.decode()
    assert html.count("produc&lt;tion</bdi></span>") == 1
    assert rows(browser, url) == ["db-1", "web-1"]
    assert rows(browser, f"{url}?tag={tag.pk}") == ["web-1"]
    assert rows(browser, f"{url}?tag={tag.pk}&q=db") == []
    for gone in (str(tag.pk + 1), "x", "²", "9" * 40):
        assert rows(browser, f"{url}?tag={gone}") == []
    assert factories.tag(owner.team, on=[db]).name in browser.get(url).content.decode()


def test_disk_tags_are_separate_from_server_tags(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account)
    disk, _other = factories.disk(account, "data-1", remote_id=vm.remote_id), factories.disk(account, "data-2")
    tag = factories.tag(owner.team, on=[disk])
    assert rows(browser, reverse("disks", args=[account.pk]) + f"?tag={tag.pk}") == ["data-1"]
    assert rows(browser, reverse("servers", args=[account.pk]) + f"?tag={tag.pk}") == []


def test_bulk_action_on_all_respects_the_tag_filter(browser: Client, account: Account, owner: Membership) -> None:
    tagged = factories.vm(account, "web-1")
    factories.vm(account, "web-2")
    tag = factories.tag(owner.team, on=[tagged])
    url = reverse("servers_bulk", args=[account.pk]) + f"?action=stop&all=1&tag={tag.pk}"
    form = browser.get(url).context["form"]
    browser.post(url, {name: form[name].value() for name in form.fields})
    assert list(Bulk.objects.get().rows.values_list("subject", flat=True)) == ["web-1"]
    gone = browser.get(reverse("servers_bulk", args=[account.pk]) + "?action=stop&all=1&tag=999999", follow=True)
    assert "Nothing selected" in gone.content.decode()


def test_tags_of_an_object_are_added_removed_and_created(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account)
    old = factories.tag(owner.team, "old", on=[vm])
    web = factories.tag(owner.team, "web")
    url = reverse("server_tags", args=[account.pk, vm.remote_id])
    form = browser.get(url).context["form"]
    browser.post(
        url, {"shown": form["shown"].value(), "on": [web.pk], "name": "Customer", "color": "pink", "nonce": "x"}
    )
    assert on(account, vm.remote_id) == ["Customer", "web"]
    assert Tag.objects.get(name="Customer").color == "pink"
    # The page still showed "old"; tags that were added meanwhile stay.
    browser.post(url, {"shown": str(old.pk), "name": "WEB", "color": "red"})
    assert on(account, vm.remote_id) == ["Customer", "web"]


def test_tagging_many_objects_starts_no_bulk_action(browser: Client, account: Account, owner: Membership) -> None:
    vms = [factories.vm(account, f"web-{number}") for number in range(3)]
    old, new = factories.tag(owner.team, "old", on=vms), factories.tag(owner.team, "new", on=vms[:1])
    url = reverse("servers_tags", args=[account.pk]) + "".join(
        f"{'&' if place else '?'}ids={vm.remote_id}" for place, vm in enumerate(vms[:2])
    )
    form = browser.get(url).context["form"]
    asked = {"ids": form["ids"].value(), "name": "", "color": "red"}
    refused = browser.post(url, {**asked, "on": [old.pk], "off": [old.pk]})
    assert (refused.status_code, on(account, vms[0].remote_id)) == (422, ["new", "old"])
    response = browser.post(url, {**asked, "on": [new.pk], "off": [old.pk]}, follow=True)
    assert "3 tag changes saved." in response.content.decode()
    assert [on(account, vm.remote_id) for vm in vms] == [["new"], ["new"], ["old"]]
    assert not Bulk.objects.exists()


def test_operator_without_delete_can_select_disks_to_tag(account: Account, client: Client) -> None:
    factories.disk(account)
    client.force_login(factories.member(Role.OPERATOR_WITHOUT_DELETE, of=account.team).user)
    html = client.get(reverse("disks", args=[account.pk])).content.decode()
    assert reverse("disks_tags", args=[account.pk]) in html
    assert "data-choose" in html


def test_tag_and_view_of_another_team_are_not_found(browser: Client, account: Account) -> None:
    stranger = factories.member()
    theirs, view = factories.tag(stranger.team), factories.saved_view(stranger)
    for name in ("tag_edit", "tag_delete"):
        assert browser.post(reverse(name, args=[account.pk, theirs.pk])).status_code == 404
    assert browser.post(reverse("view_delete", args=[account.pk, view.pk])).status_code == 404
    vm = factories.vm(account)
    asked = {"on": [theirs.pk], "name": "", "color": "red"}
    assert browser.post(reverse("server_tags", args=[account.pk, vm.remote_id]), asked).status_code in {303, 422}
    assert not TagUse.objects.exists()


def test_tag_can_be_renamed_and_deleted(browser: Client, account: Account, owner: Membership) -> None:
    tag = factories.tag(owner.team, "old", on=[factories.vm(account)])
    factories.tag(owner.team, "taken")
    edit = reverse("tag_edit", args=[account.pk, tag.pk])
    refused = browser.post(edit, {"name": "Taken", "color": "blue"})
    assert (refused.status_code, "already" in refused.content.decode()) == (422, True)
    browser.post(edit, {"name": "new", "color": "blue"})
    page = browser.get(reverse("tags", args=[account.pk])).content.decode()
    assert "On 1 object" in page
    assert "tag-blue" in page
    delete = reverse("tag_delete", args=[account.pk, tag.pk])
    assert "The tag will be removed from 1 object" in browser.get(delete).content.decode()
    browser.post(delete)
    assert not Tag.objects.filter(pk=tag.pk).exists()


def test_search_finds_objects_by_tag(
    browser: Client, account: Account, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    vms = [factories.vm(account, f"web-{number}") for number in range(5)]
    factories.tag(owner.team, "Customer: Élan", on=[*vms, factories.disk(account, "data-1")])
    other = factories.account(factories.member().team)
    factories.tag(other.team, "Customer: Élan", on=[factories.vm(other, "theirs")])
    with django_assert_num_queries(9):
        html = browser.get(reverse("search"), {"q": "élan"}).content.decode()
    assert html.count("Customer: Élan") == 6
    assert "theirs" not in html


def test_object_page_uses_the_same_queries_for_any_number_of_tags(
    browser: Client, account: Account, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    vm = factories.vm(account)
    url = reverse("server", args=[account.pk, vm.remote_id])
    browser.get(url)
    for count in (1, 20):
        for _ in range(count):
            factories.tag(owner.team, on=[vm])
        # The frame (4); the server, its disks, operations (2), an unfinished plan, tags and note.
        with django_assert_num_queries(12):
            assert "chip-tag" in browser.get(url).content.decode()


def test_note_keeps_its_line_breaks_and_is_escaped(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account)
    url = reverse("server_note", args=[account.pk, vm.remote_id])
    browser.post(url, {"text": "one\r\n  two <b>bold</b>", "version": "0"})
    html = browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    assert '<p class="note-text" dir="auto">one\n  two &lt;b&gt;bold&lt;/b&gt;</p>' in html
    assert str(owner.user) in html
    assert browser.post(url, {"text": "x\r\n" * 2000, "version": "1"}).status_code == 303
    refused = browser.post(url, {"text": "x" * 4001, "version": "2"})
    assert (refused.status_code, "x" * 4001 in refused.content.decode()) == (422, True)


def test_note_conflict_shows_both_versions(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account)
    other = factories.member(of=owner.team)
    notes.write(account, VM, vm.remote_id, "theirs", version=0, name="web-1", by=other)
    url = reverse("server_note", args=[account.pk, vm.remote_id])
    response = browser.post(url, {"text": "mine", "version": "0"})
    html = response.content.decode()
    assert response.status_code == 422
    assert "Someone else changed this note" in html
    assert "mine</textarea>" in html
    assert '<p class="note-text" dir="auto">theirs</p>' in html
    assert Note.objects.get().text == "theirs"
    # The page has now shown the other version, so saving again overwrites it.
    browser.post(url, {"text": "mine and theirs", "version": response.context["form"]["version"].value()})
    assert Note.objects.get().text == "mine and theirs"


@pytest.mark.parametrize("version", ["", "-1", "x", "9" * 30])
def test_note_without_a_valid_version_is_not_saved(browser: Client, account: Account, version: str) -> None:
    vm = factories.vm(account)
    url = reverse("server_note", args=[account.pk, vm.remote_id])
    assert browser.post(url, {"text": "x", "version": version}).status_code == 422
    assert not Note.objects.exists()


def test_bulk_concurrency_needs_the_permission_to_manage_accounts(
    client: Client, browser: Client, account: Account, owner: Membership
) -> None:
    url = reverse("team_settings", args=[account.team_id])
    for wrong in ("0", "21", "", "x"):
        assert browser.post(url, {"name": "Team", "bulk_at_once": wrong}).status_code == 422
    browser.post(url, {"name": "Team", "bulk_at_once": "20"})
    owner.team.refresh_from_db()
    assert owner.team.bulk_at_once == 20
    client.force_login(factories.member(Role.OPERATOR, of=owner.team).user)
    assert client.post(url, {"bulk_at_once": "1"}).status_code == 403


def test_failed_bulk_action_can_be_dismissed(browser: Client, account: Account, owner: Membership) -> None:
    bulk = factories.bulk(account, by=owner, state=Bulk.State.DONE)
    bulk.rows.update(state="failed")
    Bulk.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    attention = reverse("attention", args=[account.pk])
    aside = reverse("bulk_aside", args=[account.pk, bulk.pk])
    assert aside in browser.get(attention).content.decode()
    html = browser.post(aside, follow=True).content.decode()
    assert "You're all caught up" in html
    browser.post(reverse("bulk_retry", args=[account.pk, bulk.pk]))
    bulk.refresh_from_db()
    assert bulk.dismissed_at is None
