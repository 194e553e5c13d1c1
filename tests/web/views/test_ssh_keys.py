"""Pages of SSH keys, and the forms of servers that offer them with a first-boot script."""

import html as html_text
import json
import re
import uuid
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import unseal
from hosting.operations.kinds.first_boot import FirstBoot
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from hosting.teams.ssh_keys.models import SshKey
from tests import factories
from tests.teams.test_ssh_keys import PRIVATE
from tests.web.access.signing_in import PASSWORD, stale
from tests.web.browsing import without_isolation
from tests.web.views.test_forms import beside, new_server

PLANTED = "planted-in-a-script-7"
# As a browser sends it.
TYPED = f"#!/bin/sh\r\necho {PLANTED} \u00e9\r\n"
SCRIPT = TYPED.replace("\r\n", "\n")


def _signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def _ticked(html: str) -> list[str]:
    """The fingerprints of the SSH keys that are selected on a page."""
    boxes = re.findall(r'<input type="checkbox"[^>]*name="ssh_keys"[^>]*>', html)
    return [re.findall(r'value="([^"]*)"', box)[0] for box in boxes if " checked" in f" {' '.join(box.split())}"]


# The keys ------------------------------------------------------------------------------------------------------


def test_person_adds_sees_and_removes_a_key(browser: Client, owner: Membership, account: Account) -> None:
    line = factories.public_key("me@laptop")
    added = browser.post(reverse("my_ssh_key_new"), {"public_key": f" {line}\r\n", "name": ""}, follow=True)
    key = SshKey.objects.get()
    assert (key.user, key.team, key.name, key.comment) == (owner.user, None, "me@laptop", "me@laptop")
    page = without_isolation(added.content.decode())
    assert "SSH key “me@laptop” added." in page
    assert key.fingerprint in page
    assert "Never" in page
    remove = reverse("my_ssh_key_remove", args=[key.pk])
    assert "authorized_keys" in browser.get(remove).content.decode()
    assert SshKey.objects.exists()
    browser.post(remove)
    assert not SshKey.objects.exists()


def test_team_key_shows_who_added_it(browser: Client, owner: Membership, account: Account) -> None:
    operator = factories.member(Role.OPERATOR, of=owner.team, person=factories.user(name="Olga"))
    there = reverse("team_ssh_key_new", args=[owner.team_id])
    _signed_in(operator).post(there, {"public_key": factories.public_key(), "name": "deploy"})
    page = without_isolation(browser.get(reverse("team_ssh_keys", args=[owner.team_id])).content.decode())
    assert re.search(r"Added by</dt>\s*<dd>\s*Olga,", page)
    entry = AuditEntry.objects.get(action="ssh_key.added")
    assert (entry.actor, entry.subject, entry.team) == (operator.user, "deploy", owner.team)
    log = browser.get(reverse("team_audit", args=[owner.team_id]) + "?group=ssh_keys").content.decode()
    assert "Added an SSH key to the team" in log
    assert str(dict(entry.after or {})["fingerprint"]) in log


def test_viewer_sees_team_keys_without_buttons(owner: Membership, account: Account) -> None:
    factories.ssh_key(owner.team, "deploy", by=owner.user)
    viewer = factories.member(Role.VIEWER, of=owner.team)
    page = _signed_in(viewer).get(reverse("team_ssh_keys", args=[owner.team_id])).content.decode()
    assert "deploy" in page
    assert "Add key" not in page
    assert "Remove" not in page


@pytest.mark.parametrize("kind", PRIVATE)
def test_private_key_is_refused_neither_stored_nor_shown_again(browser: Client, kind: str) -> None:
    refused = browser.post(reverse("my_ssh_key_new"), {"public_key": PRIVATE[kind], "name": "laptop"})
    html = refused.content.decode()
    assert refused.status_code == 422
    assert beside(html, "public_key").startswith("That is a private key.")
    assert "planted" not in html
    assert 'value="laptop"' in html
    assert not SshKey.objects.exists()


def test_other_refused_key_is_shown_again_with_the_reason(browser: Client, owner: Membership) -> None:
    key = factories.ssh_key(owner.user, "laptop")
    html = browser.post(reverse("my_ssh_key_new"), {"public_key": key.line}).content.decode()
    assert beside(html, "public_key") == "This key is already here, as “laptop”."
    assert html_text.escape(key.line) in html


def test_pasted_key_is_not_kept_while_somebody_confirms_who_they_are(browser: Client, owner: Membership) -> None:
    owner.user.set_password(PASSWORD)
    owner.user.save()
    browser.force_login(owner.user)
    stale(browser)
    there = reverse("my_ssh_key_new")
    assert browser.get(there).status_code == 302
    assert browser.post(there, {"public_key": PRIVATE["OpenSSH"], "name": "laptop"}).status_code == 303
    kept = json.dumps([session.get_decoded() for session in Session.objects.all()]) + json.dumps(
        dict(browser.session.items())
    )
    assert "laptop" in kept
    assert "planted" not in kept
    assert not SshKey.objects.exists()


def test_tabs_are_there_only_where_a_provider_takes_keys(browser: Client, owner: Membership, account: Account) -> None:
    pages = reverse("profile"), reverse("team", args=[owner.team_id])
    for page in pages:
        assert "SSH keys" in browser.get(page).content.decode()
    Endpoint.objects.update(extensions=[extensions.USER_DATA])
    for page in pages:
        assert "SSH keys" not in browser.get(page).content.decode()


# New servers ---------------------------------------------------------------------------------------------------


def _alone(browser: Client, account: Account, **values: Any) -> Any:
    return browser.post(reverse("server_alone", args=[account.pk]), new_server(account, **values))


def test_server_is_requested_with_the_chosen_keys_and_the_script(
    browser: Client, account: Account, owner: Membership
) -> None:
    mine, unused = factories.ssh_key(owner.user, "laptop"), factories.ssh_key(owner.team, "deploy")
    assert _alone(browser, account, ssh_keys=[mine.fingerprint], user_data=TYPED).status_code == 303
    operation = Operation.objects.get()
    assert operation.params["ssh_keys"] == {mine.fingerprint: "laptop"}
    assert operation.params["user_data_bytes"] == len(SCRIPT.encode())
    assert FirstBoot.unpacked(unseal(operation.sealed_secret)) == FirstBoot("s3cretpass", (mine.line,), SCRIPT)
    page = without_isolation(browser.get(reverse("operation", args=[account.pk, operation.pk])).content.decode())
    assert f"laptop ({mine.fingerprint})" in page
    assert f"{len(SCRIPT.encode())} bytes" in page
    assert PLANTED not in page
    entry = AuditEntry.objects.get(action="operation.vm_create")
    assert PLANTED not in json.dumps([entry.before, entry.after, entry.detail])
    assert dict(entry.after or {})["ssh_keys"] == {mine.fingerprint: "laptop"}
    assert unused.last_used_at is None


def test_forms_offer_nothing_where_the_provider_takes_nothing(
    browser: Client, account: Account, owner: Membership
) -> None:
    factories.ssh_key(owner.user, "laptop")
    forms = [reverse(name, args=[account.pk]) for name in ("server_new", "server_alone")]
    for form in forms:
        page = browser.get(form).content.decode()
        assert "laptop" in page
        assert "First-boot script" in page
    Endpoint.objects.update(extensions=[])
    for form in forms:
        page = browser.get(form).content.decode()
        assert "SSH key" not in page
        assert "First-boot script" not in page
    key = SshKey.objects.get()
    _alone(browser, account, ssh_keys=[key.fingerprint], user_data=TYPED)
    assert Operation.objects.get().params.keys() == {"hostname", "os_id", "shares", "cpu", "login"}


def test_no_key_is_selected_by_an_address(browser: Client, account: Account, owner: Membership) -> None:
    key = factories.ssh_key(owner.team, "planted")
    for name in ("server_new", "server_alone"):
        address = reverse(name, args=[account.pk]) + f"?ssh_keys={key.fingerprint}&user_data=%23!/bin/planted"
        page = browser.get(address).content.decode()
        assert key.fingerprint in page
        assert _ticked(page) == []
        assert "#!/bin/planted" not in page


def test_keys_of_others_can_not_be_chosen(browser: Client, account: Account, owner: Membership) -> None:
    other = factories.member(Role.OPERATOR, of=owner.team)
    theirs, strangers = factories.ssh_key(other.user, "theirs"), factories.ssh_key(factories.team())
    factories.ssh_key(owner.user)
    for key in (theirs, strangers):
        html = _alone(browser, account, ssh_keys=[key.fingerprint]).content.decode()
        assert "Choose one of the available options." in html
        assert key.name not in html
    assert not Operation.objects.exists()


def test_too_many_keys_are_refused(browser: Client, account: Account, owner: Membership) -> None:
    chosen = [factories.ssh_key(owner.team).fingerprint for _ in range(21)]
    assert "Select up to 20 SSH keys." in _alone(browser, account, ssh_keys=chosen).content.decode()
    assert _alone(browser, account, ssh_keys=chosen[:20]).status_code == 303


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo hello", "Start with a line such as #!/bin/sh, or with #cloud-config."),
        ("#!/bin/sh\r\n" + "\u00e9" * 8192, "The script can have up to 16 KB."),
        ("#!/bin/sh\r\n\x1b[2J", "Control characters aren't allowed here."),
    ],
)
def test_refused_script_is_kept_on_the_page_with_the_keys(
    browser: Client, account: Account, owner: Membership, script: str, said: str
) -> None:
    key = factories.ssh_key(owner.user)
    html = _alone(browser, account, user_data=script, ssh_keys=[key.fingerprint]).content.decode()
    assert html_text.unescape(beside(html, "user_data")) == said
    assert html_text.escape(script.splitlines()[0]) in html
    assert re.search(r"<details class=\"first-boot\" open>", html)
    assert _ticked(html) == [key.fingerprint]
    assert not Operation.objects.exists()


def test_script_of_whitespace_is_none(browser: Client, account: Account) -> None:
    _alone(browser, account, user_data=" \r\n")
    assert "user_data_bytes" not in Operation.objects.get().params


def test_script_is_missed_after_signing_in_again(browser: Client, account: Account, owner: Membership) -> None:
    browser.session.flush()
    there = reverse("server_alone", args=[account.pk])
    browser.post(there, new_server(account, user_data=TYPED))
    assert PLANTED not in json.dumps(dict(browser.session.items()))
    browser.force_login(owner.user)
    html = browser.get(there).content.decode()
    assert beside(html, "user_data") == "Enter the first-boot script again. It was not kept."
    assert 'value="web-9"' in html


def test_guided_form_never_sends_the_script_to_the_summary(browser: Client, account: Account) -> None:
    page = browser.get(reverse("server_new", args=[account.pk])).content.decode()
    assert 'hx-params="not password,user_data"' in page


def test_plan_shows_names_and_size_and_keeps_the_script_when_it_is_changed(
    browser: Client, account: Account, owner: Membership
) -> None:
    key = factories.ssh_key(owner.user, "laptop")
    values = new_server(account, ssh_keys=[key.fingerprint], user_data=TYPED)
    browser.post(reverse("server_new", args=[account.pk]), values)
    plan = Plan.objects.get()
    page = without_isolation(browser.get(reverse("plan", args=[account.pk, plan.pk])).content.decode())
    assert f"laptop ({key.fingerprint})" in page
    assert PLANTED not in page
    change = reverse("plan_change", args=[account.pk, plan.pk])
    form = browser.get(change).content.decode()
    assert PLANTED not in form
    assert "is kept until the server is created" in form
    assert _ticked(form) == [key.fingerprint]
    kept = {**values, "nonce": str(uuid.uuid4()), "password": "", "user_data": ""}
    assert browser.post(change, {**kept, "hostname": "web-10"}).status_code == 303
    plan.refresh_from_db()
    secret = FirstBoot.unpacked(unseal(plan.sealed_secret))
    assert secret == FirstBoot("s3cretpass", (key.line,), SCRIPT)
    assert browser.post(change, {**kept, "no_user_data": "on", "ssh_keys": []}).status_code == 303
    plan.refresh_from_db()
    assert FirstBoot.unpacked(unseal(plan.sealed_secret)) == FirstBoot("s3cretpass")
    assert (plan.spec["ssh_keys"], plan.spec["user_data_bytes"]) == ({}, 0)


def test_plan_without_its_secret_asks_for_the_script_again(
    browser: Client, account: Account, owner: Membership
) -> None:
    spec = {**factories.SPEC, "ssh_keys": {}, "user_data_bytes": 40}
    plan = factories.plan(account, by=owner, state="stopped", spec=spec, sealed_secret="", problem={"step": "vm"})
    form = browser.get(reverse("plan_change", args=[account.pk, plan.pk])).content.decode()
    assert "The script of 40 bytes is not stored any more." in form


def test_retry_offers_what_was_chosen_and_asks_for_the_script_again(
    browser: Client, account: Account, owner: Membership
) -> None:
    image = factories.os_image(account)
    key, theirs = factories.ssh_key(owner.user, "laptop"), factories.ssh_key(factories.user(), "theirs")
    params = {"hostname": "web-9", "os_id": image.remote_id, "shares": 1, "cpu": 1, "login": "admin"}
    params |= {"ssh_keys": {key.fingerprint: "laptop", theirs.fingerprint: "theirs"}, "user_data_bytes": 1300}
    failed = factories.operation(account, by=owner, kind="vm_create", state="failed", params=params, vm_id=None)
    there = reverse("operation_retry", args=[account.pk, failed.pk])
    page = without_isolation(browser.get(there).content.decode())
    assert "The script of 1.3 KB is not stored any more." in page
    assert "Selected before, but not available to you: theirs." in page
    assert _ticked(page) == [key.fingerprint]
    entered = {"password": "s3cretpass", "user_data": TYPED, "ssh_keys": [key.fingerprint]}
    assert browser.post(there, entered).status_code == 303
    again = failed.retries.get()
    assert again.params == {
        **params,
        "ssh_keys": {key.fingerprint: "laptop"},
        "user_data_bytes": len(SCRIPT.encode()),
    }
    assert FirstBoot.unpacked(unseal(again.sealed_secret)) == FirstBoot("s3cretpass", (key.line,), SCRIPT)


def test_list_of_keys_costs_a_fixed_number_of_queries(
    browser: Client, account: Account, owner: Membership, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        by = factories.user(name=f"Person {number}")
        SshKey.objects.filter(pk=factories.ssh_key(owner.team, by=by).pk).update(last_used_at=timezone.now())
    with django_assert_max_num_queries(12):
        browser.get(reverse("team_ssh_keys", args=[owner.team_id]))
