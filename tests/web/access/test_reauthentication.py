"""What is sensitive asks who somebody is, and loses nothing but what was refused."""

from urllib.parse import quote

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership
from tests import factories
from tests.web.access.signing_in import PASSWORD, stale

REAUTHENTICATE = "/auth/reauthenticate/"


@pytest.fixture
def person(owner: Membership, client: Client) -> Client:
    """The owner, who has a password to prove themselves with."""
    owner.user.set_password(PASSWORD)
    owner.user.save()
    client.force_login(owner.user)
    return client


def sensitive(account: Account) -> list[str]:
    vm, disk = factories.vm(account, state="halted"), factories.disk(account)
    return [
        reverse("shares_remove", args=[account.pk, factories.product(account).remote_id]),
        reverse("connect"),
        reverse("account_settings", args=[account.pk]),
        reverse("handle_new", args=[account.pk]),
        reverse("server_delete", args=[account.pk, vm.remote_id]),
        reverse("disk_delete", args=[account.pk, disk.remote_id]),
        reverse("servers_bulk", args=[account.pk]) + f"?action=delete&ids={vm.remote_id}",
        reverse("disks_bulk", args=[account.pk]) + f"?action=delete&ids={disk.remote_id}",
    ]


def test_a_sensitive_page_asks_again_and_leads_back(person: Client, account: Account) -> None:
    for url in sensitive(account):
        assert person.get(url).status_code == 200, url
    stale(person, 16 * 60)
    for url in sensitive(account):
        answer = person.get(url)
        assert answer.status_code == 302
        assert answer["Location"] == f"{REAUTHENTICATE}?next={quote(url, safe='')}"
        assert person.get(answer["Location"]).status_code == 200
    last = sensitive(account)[-1]
    back = person.post(REAUTHENTICATE, {"password": PASSWORD, "next": last})
    assert back["Location"] == last
    for url in sensitive(account):
        assert person.get(url).status_code == 200, url


def test_ones_own_way_in_is_sensitive(person: Client) -> None:
    stale(person)
    for name in (
        "account_email",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_generate_recovery_codes",
    ):
        for answer in (person.get(reverse(name)), person.post(reverse(name), {"code": "123456"})):
            assert answer["Location"].startswith(REAUTHENTICATE), name
    assert person.get(reverse("mfa_view_recovery_codes"))["Location"].startswith(REAUTHENTICATE)
    assert "account_reauthentication_state" not in person.session


def test_a_delete_is_sensitive_when_it_is_asked_for_again_too(
    person: Client, account: Account, owner: Membership
) -> None:
    stale(person)
    params = {"vm_id": factories.vm(account, state="halted").remote_id}
    deletes = factories.operation(account, by=owner, kind="vm_delete", params=params, state="failed")
    many = factories.bulk(account, by=owner, kind="vm_delete", state="paused")
    urls = [reverse("operation_retry", args=[account.pk, deletes.pk])]
    urls += [reverse(name, args=[account.pk, many.pk]) for name in ("bulk_resume", "bulk_retry")]
    for url in urls:
        assert person.post(url)["Location"].startswith(REAUTHENTICATE), url
    stops = factories.operation(account, by=owner, kind="vm_stop", params=params, state="failed")
    answer = person.post(reverse("operation_retry", args=[account.pk, stops.pk]))
    assert not answer.get("Location", "").startswith(REAUTHENTICATE)
    assert not Operation.objects.filter(kind="vm_delete").exclude(pk=deletes.pk).exists()


def test_what_is_not_sensitive_does_not_ask(person: Client, account: Account) -> None:
    vm = factories.vm(account)
    stale(person)
    assert person.get(reverse("server", args=[account.pk, vm.remote_id])).status_code == 200
    stop = reverse("servers_bulk", args=[account.pk]) + f"?action=stop&ids={vm.remote_id}"
    assert person.get(stop).status_code == 200


def test_a_form_that_was_opened_in_time_is_taken(person: Client, account: Account) -> None:
    url = reverse("account_settings", args=[account.pk])
    stale(person, 40 * 60)
    assert person.post(url, {"label": ""}).status_code == 422


def test_what_is_posted_too_late_is_refused_and_kept_nowhere(person: Client, account: Account) -> None:
    disk = factories.disk(account)
    stale(person, 46 * 60)
    for url in (reverse("disk_delete", args=[account.pk, disk.remote_id]), reverse("connect")):
        answer = person.post(url, {"password": "s3cret-of-a-reseller", "name": disk.name})
        assert answer.status_code == 303
        assert answer["Location"] == f"{REAUTHENTICATE}?next={quote(url, safe='')}"
    assert "Nothing was changed" in person.get(answer["Location"]).content.decode()
    assert not Operation.objects.exists()
    assert all("s3cret-of-a-reseller" not in str(row.get_decoded()) for row in Session.objects.all())


def test_a_stranger_learns_nothing_by_it(person: Client, account: Account) -> None:
    foreign = factories.account(factories.member().team)
    stale(person)
    assert person.get(reverse("account_settings", args=[foreign.pk])).status_code == 404


def test_htmx_is_led_there_as_a_page(person: Client, account: Account) -> None:
    stale(person)
    url = reverse("account_settings", args=[account.pk])
    seen = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{url}"}
    assert person.post(url, {}, headers=seen)["HX-Redirect"] == f"{REAUTHENTICATE}?next={quote(url, safe='')}"
    elsewhere = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/"}
    assert "evil" not in person.post(url, {}, headers=elsewhere)["HX-Redirect"]


def test_a_button_leads_back_to_its_page(person: Client, account: Account) -> None:
    stale(person)
    url = reverse("connect")
    assert person.post(url, {"next": "/accounts/"})["Location"] == f"{REAUTHENTICATE}?next=%2Faccounts%2F"
    for evil in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        assert person.post(url, {"next": evil})["Location"] == f"{REAUTHENTICATE}?next={quote(url, safe='')}"


def test_a_proof_is_that_of_the_person_alone(person: Client, account: Account) -> None:
    """Reading a mail proves less than a password: a password that was just reset has to be given."""
    session = person.session
    for record in session["account_authentication_methods"]:
        record["method"] = "password_reset"
    session.save()
    assert person.get(reverse("connect")).status_code == 302
