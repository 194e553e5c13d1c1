"""Forms: errors appear at the field, input is kept, and one form submits one operation."""

import json
import re
import uuid
from html import escape

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account, Candidate
from hosting.inventory.models import AccountInfo
from hosting.operations.lifecycle import submit as submitting
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.teams.models import Membership
from tests import factories
from tests.web.browsing import without_isolation

Values = dict[str, object]


def beside(html: str, field: str) -> str:
    """The error message at a field, or an empty string."""
    found = re.search(rf'<div id="id_{field}_error"[^>]*>(.*?)</div>', html, re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", without_isolation(found.group(1))).strip() if found else ""


def new_server(account: Account, **changed: object) -> Values:
    image = account.osimage_set.first() or factories.os_image(account)
    return {
        "nonce": str(uuid.uuid4()),
        "buy_shares": 0,
        "duration": "1m",
        "os_id": image.remote_id,
        "hostname": "web-9",
        "shares": 2,
        "cpu": 1,
        "login": "admin",
        "password": "s3cretpass",
        "disk_size_mb": "8",
        "disk_name": "data",
        "disk_fstype": "ext3",
        **changed,
    }


BAD_SERVER = [
    ("hostname", "under_score", "letters, digits and hyphens"),
    ("hostname", f"{'a' * 64}.example.org", "up to 63 characters"),
    ("hostname", "", "required"),
    ("password", "short1", "8 to 64 characters"),
    ("password", "nodigitshere", "one letter and one digit"),
    ("password", "", "required"),
    ("shares", "0", "Enter 1 to 2,147,483,647 shares."),
    ("shares", "x", "whole number"),
    ("cpu", "5", "Enter 1 to 4 CPUs."),
    ("cpu", "3", "one CPU per share"),
    ("login", "Root!", "lowercase letters"),
    ("os_id", "999999", "one of the available options"),
    ("buy_shares", "-1", "Enter 0 to 4,096 shares."),
    ("duration", "9y", "one of the available options"),
    ("disk_size_mb", "nine", "Enter a size in GB"),
    ("disk_size_mb", "0.0001", "must be a whole number of MB"),
    ("disk_size_mb", "0.5", "between 1 GB and 1,024 GB"),
    ("disk_size_mb", "2000", "between 1 GB and 1,024 GB"),
    ("disk_name", " ", "required"),
    ("disk_fstype", "ntfs", "one of the available options"),
]


@pytest.mark.parametrize(("field", "value", "message"), BAD_SERVER)
def test_new_server_form_shows_errors_at_the_field(
    browser: Client, account: Account, field: str, value: str, message: str
) -> None:
    response = browser.post(reverse("server_new", args=[account.pk]), new_server(account, **{field: value}))
    html = response.content.decode()
    assert response.status_code == 422
    assert message in beside(html, field)
    assert not Plan.objects.exists()


def test_new_server_form_keeps_its_input_except_the_password(browser: Client, account: Account) -> None:
    typed = new_server(account, hostname="under_score", disk_name="my data", disk_size_mb="8.5 GB", login="anna")
    html = browser.post(reverse("server_new", args=[account.pk]), typed).content.decode()
    for value in ("under_score", "my data", "8.5 GB", "anna"):
        assert f'value="{value}"' in html
    assert "s3cretpass" not in html
    assert "except the password" in html


def test_missing_shares_are_reported_at_the_number_to_buy(browser: Client, account: Account) -> None:
    html = browser.post(reverse("server_new", args=[account.pk]), new_server(account, shares=40)).content.decode()
    assert "30 more shares are needed" in beside(html, "buy_shares")


def test_new_server_form_is_prefilled_with_the_missing_shares(browser: Client, owner: Membership) -> None:
    account = factories.account(owner.team, shares=2, used=2)
    html = browser.get(reverse("server_new", args=[account.pk])).content.decode()
    found = re.search(r'<input type="text" name="buy_shares" value="(\d+)"', html)
    assert found
    assert found.group(1) == "1"


def test_new_server_plan_is_reviewed_before_it_starts(browser: Client, account: Account) -> None:
    response = browser.post(reverse("server_new", args=[account.pk]), new_server(account, disk_size_mb="2048 MB"))
    plan = Plan.objects.get()
    assert response.status_code == 303
    assert response["Location"] == reverse("plan", args=[account.pk, plan.pk])
    assert plan.state == Plan.State.DRAFT
    assert plan.spec["disk_size_mb"] == 2048
    assert not Operation.objects.exists()
    assert "s3cretpass" not in browser.get(response["Location"]).content.decode()
    browser.post(reverse("plan_start", args=[account.pk, plan.pk]))
    plan.refresh_from_db()
    assert plan.state == Plan.State.RUNNING
    assert Operation.objects.get().kind == "vm_create"


def test_submitting_the_new_server_form_twice_creates_one_plan(browser: Client, account: Account) -> None:
    typed = new_server(account)
    first, second = (browser.post(reverse("server_new", args=[account.pk]), typed) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Plan.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "mb"), [("8", 8192), ("8.5", 8704), ("8,5", 8704), ("1 GB", 1024), ("2048 MB", 2048), ("2048mb", 2048)]
)
def test_disk_size_can_be_given_in_gb_or_mb(browser: Client, account: Account, typed: str, mb: int) -> None:
    url = reverse("disk_new", args=[account.pk])
    browser.post(url, {"name": "data", "size_mb": typed, "fstype": "xfs"})
    assert Operation.objects.get().params["size_mb"] == mb


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "required"),
        ("size_mb", "x", "Enter a size in GB"),
        ("size_mb", "9" * 19, "Enter a size in GB"),
        ("size_mb", "NaN", "Enter a size in GB"),
        ("fstype", "ntfs", "one of the available options"),
        ("size_mb", "1000", "MB of disk space and"),
    ],
)
def test_new_disk_form_shows_errors_at_the_field(
    browser: Client, account: Account, field: str, value: str, message: str
) -> None:
    typed = {"name": "data", "size_mb": "8", "fstype": "xfs", field: value}
    response = browser.post(reverse("disk_new", args=[account.pk]), typed)
    assert response.status_code == 422
    assert message in beside(response.content.decode(), field)
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("quantity", "0", "Enter 1 to 4,096 shares."),
        ("quantity", "many", "whole number"),
        ("duration", "13y", "one of the available options"),
        ("product_name", "gold", "one of the available options"),
    ],
)
def test_purchase_form_shows_errors_at_the_field(
    browser: Client, account: Account, field: str, value: str, message: str
) -> None:
    typed = {"product_name": "shares", "quantity": "4", "duration": "1m", field: value}
    response = browser.post(reverse("shares_add", args=[account.pk]), typed)
    assert response.status_code == 422
    assert message in beside(response.content.decode(), field)
    assert not Operation.objects.exists()


def test_deleting_a_server_needs_its_name(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "old-1", state="halted")
    url = reverse("server_delete", args=[account.pk, vm.remote_id])
    response = browser.post(url, {"name": "old-2"})
    assert "match. Type" in beside(response.content.decode(), "name")
    assert not Operation.objects.exists()
    assert browser.post(url, {"name": "old-1"}).status_code == 303
    assert Operation.objects.get().kind == "vm_delete"


def test_each_product_form_submits_its_operation(browser: Client, account: Account) -> None:
    asked: list[tuple[str, Values, str]] = [
        ("shares_renew", {"duration": "6m"}, "hosting_account_product_renew"),
        ("shares_update", {"quantity": 8}, "hosting_account_product_update"),
        ("shares_remove", {"nonce": str(uuid.uuid4())}, "hosting_account_product_remove"),
    ]
    for name, typed, kind in asked:
        product = factories.product(account)
        response = browser.post(reverse(name, args=[account.pk, product.remote_id]), typed)
        assert response.status_code == 303, name
        assert Operation.objects.first().kind == kind  # type: ignore[union-attr]


def test_each_disk_form_submits_its_operation(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    free, attached, doomed = factories.disk(account), factories.disk(account, on=vm), factories.disk(account, "doomed")
    asked: list[tuple[str, int, Values, str]] = [
        ("disk_attach", free.remote_id, {"vm_id": vm.remote_id}, "disk_attach"),
        ("disk_detach", attached.remote_id, {}, "disk_detach"),
        ("disk_delete", doomed.remote_id, {"name": "doomed"}, "disk_delete"),
    ]
    for name, remote_id, typed, kind in asked:
        assert browser.post(reverse(name, args=[account.pk, remote_id]), typed).status_code == 303, name
        assert Operation.objects.first().kind == kind  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "state", "kind"),
    [
        ("server_start", "halted", "vm_start"),
        ("server_stop", "running", "vm_stop"),
        ("server_reboot", "running", "vm_reboot"),
    ],
)
def test_button_sent_twice_submits_one_operation(
    browser: Client, account: Account, name: str, state: str, kind: str
) -> None:
    vm = factories.vm(account, state=state)
    typed = {"nonce": str(uuid.uuid4())}
    for _ in range(2):
        assert browser.post(reverse(name, args=[account.pk, vm.remote_id]), typed).status_code == 303
    assert Operation.objects.get().kind == kind


def test_second_action_on_a_busy_server_links_to_the_running_operation(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    url = reverse("server_stop", args=[account.pk, vm.remote_id])
    browser.post(url)
    html = browser.post(url, follow=True).content.decode()
    assert "is still in progress on this object" in html
    assert reverse("operation", args=[account.pk, Operation.objects.get().pk]) in html


def test_invalid_nonce_counts_as_a_new_form(browser: Client, account: Account) -> None:
    browser.post(
        reverse("disk_new", args=[account.pk]), {"name": "data", "size_mb": "8", "fstype": "xfs", "nonce": "nonsense"}
    )
    assert Operation.objects.count() == 1


def test_action_redirects_back_to_the_page_it_came_from(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    here = reverse("servers", args=[account.pk]) + "?q=web&page=1"
    response = browser.post(reverse("server_stop", args=[account.pk, vm.remote_id]), {"next": here})
    assert (response.status_code, response["Location"]) == (303, here)


def test_action_is_refused_while_the_provider_is_unreachable(browser: Client, account: Account) -> None:
    account.endpoint.away_since = account.mirrored_at
    account.endpoint.save()
    vm = factories.vm(account)
    html = browser.post(reverse("server_stop", args=[account.pk, vm.remote_id]), follow=True).content.decode()
    assert "The provider has been unreachable since" in html
    assert "Nothing was sent or queued" in html
    assert not Operation.objects.exists()


def test_preview_follows_the_input_and_saves_nothing(browser: Client, account: Account) -> None:
    typed = new_server(account, shares=40, hostname="not valid!", password="s3cretpass")
    html = browser.post(
        reverse("server_preview", args=[account.pk]), typed, headers={"HX-Request": "true"}
    ).content.decode()
    assert 'id="summary"' in html
    assert "this server needs 40" in html
    assert 'data-value="30"' in html
    assert "s3cretpass" not in html
    assert not Plan.objects.exists()


def stopped_plan(account: Account, owner: Membership) -> Plan:
    image = factories.os_image(account)
    plan = factories.plan(
        account,
        by=owner,
        state=Plan.State.STOPPED,
        sealed_secret="",
        spec={**factories.SPEC, "buy_shares": 2, "os_id": image.remote_id},
    )
    factories.operation(account, by=owner, plan=plan, step="buy", kind="hosting_account_product_add", state="done")
    problem = {"reason": "fault", "code": 500130, "object": 1, "cause": 30, "text": "DataError: invalid password"}
    factories.operation(
        account, by=owner, plan=plan, step="vm", kind="vm_create", state="refused", vm_id=None, problem=problem
    )
    return plan


def test_stopped_plan_shows_its_reason_and_links_to_the_form(
    browser: Client, account: Account, owner: Membership
) -> None:
    plan = stopped_plan(account, owner)
    html = browser.get(reverse("plan", args=[account.pk, plan.pk])).content.decode()
    assert escape("The provider doesn't accept this password.") in html
    assert "DataError: invalid password" in html
    assert reverse("plan_change", args=[account.pk, plan.pk]) in html


def test_stopped_plan_can_be_changed_but_not_its_finished_steps(
    browser: Client, account: Account, owner: Membership
) -> None:
    plan = stopped_plan(account, owner)
    url = reverse("plan_change", args=[account.pk, plan.pk])
    html = browser.get(url).content.decode()
    assert re.search(r'name="buy_shares"[^>]+disabled', html)
    typed = new_server(account, hostname="db-2", os_id=plan.spec["os_id"], buy_shares=99)
    assert "required" in beside(browser.post(url, {**typed, "password": ""}).content.decode(), "password")
    assert browser.post(url, typed).status_code == 303
    plan.refresh_from_db()
    assert (plan.spec["hostname"], plan.spec["buy_shares"]) == ("db-2", 2)


def test_refused_operation_can_be_retried_once(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account)
    refused = factories.operation(
        account,
        by=owner,
        state="refused",
        vm_id=vm.remote_id,
        params={"vm_id": vm.remote_id},
        target=f"vm:{vm.remote_id}",
    )
    url = reverse("operation_retry", args=[account.pk, refused.pk])
    typed = {"nonce": str(uuid.uuid4())}
    locations = {browser.post(url, typed)["Location"] for _ in range(2)}
    again = Operation.objects.exclude(pk=refused.pk).get()
    assert locations == {reverse("operation", args=[account.pk, again.pk])}
    assert again.retry_of == refused


def test_purchase_that_another_member_has_retried_is_not_retried_again(
    browser: Client, account: Account, owner: Membership
) -> None:
    params = {"product_name": "shares", "quantity": 2, "duration": "1m"}
    failed = factories.operation(
        account, by=owner, kind="hosting_account_product_add", params=params, state="failed", vm_id=None
    )
    here = reverse("operation", args=[account.pk, failed.pk])
    url = reverse("operation_retry", args=[account.pk, failed.pk])
    assert url in browser.get(here).content.decode()
    colleague = factories.member(of=owner.team)
    submitting.retry(failed, by=colleague)
    page = browser.post(url, {"nonce": str(uuid.uuid4())}, follow=True).content.decode()
    assert f"already retried by <bdi>{colleague.user}</bdi>" in page
    assert url not in page
    assert failed.retries.count() == 1


def test_htmx_retry_says_why_it_is_impossible(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account, state="halted")
    target = {"vm_id": vm.remote_id, "params": {"vm_id": vm.remote_id}, "target": f"vm:{vm.remote_id}"}
    failed = factories.operation(account, by=owner, state="failed", **target)
    url = reverse("operation_retry", args=[account.pk, failed.pk])
    here = reverse("operation", args=[account.pk, failed.pk])
    response = browser.post(url, {"next": here}, headers={"HX-Request": "true"}, follow=True)
    assert "must be “Running”" in response.content.decode()
    assert response.content.decode().lstrip().startswith('<div id="live"')


def test_retry_of_a_server_creation_asks_for_the_password(browser: Client, account: Account, owner: Membership) -> None:
    image = factories.os_image(account)
    params = {"hostname": "web-9", "os_id": image.remote_id, "shares": 1, "cpu": 1, "login": "admin"}
    refused = factories.operation(
        account, by=owner, kind="vm_create", params=params, subject="web-9", state="refused", vm_id=None
    )
    url = reverse("operation_retry", args=[account.pk, refused.pk])
    assert 'name="password"' in browser.get(url).content.decode()
    assert "required" in beside(browser.post(url, {"password": ""}).content.decode(), "password")
    assert browser.post(url, {"password": "s3cretpass"}).status_code == 303


def test_waiting_operation_can_be_cancelled(browser: Client, account: Account, owner: Membership) -> None:
    operation = factories.operation(account, by=owner, state="waiting")
    browser.post(reverse("operation_cancel", args=[account.pk, operation.pk]))
    operation.refresh_from_db()
    assert operation.state == "cancelled"


def test_account_is_connected_without_showing_its_password(browser: Client, owner: Membership) -> None:
    endpoint = factories.endpoint()
    typed = {
        "endpoint": endpoint.pk,
        "label": "Production",
        "login": "AA1-DEMO",
        "handle": "AA1-DEMO",
        "password": "mypassword",
    }
    url = reverse("connect")
    html = browser.post(url, {**typed, "label": ""}).content.decode()
    assert "required" in beside(html, "label")
    assert "mypassword" not in html
    assert "Enter the password again" in html
    response = browser.post(url, typed)
    account = Account.objects.get()
    assert response["Location"] == reverse("login", args=[account.pk])
    assert account.trouble == Account.Trouble.UNTESTED
    assert "mypassword" not in account.sealed_password
    assert "already" in beside(browser.post(url, typed).content.decode(), "handle")


def test_empty_password_field_keeps_the_stored_password(browser: Client, account: Account) -> None:
    url = reverse("account_settings", args=[account.pk])
    browser.post(url, {"label": "New label", "handle": account.handle, "password": ""})
    changed = Account.objects.get()
    assert (changed.label, changed.sealed_password) == ("New label", account.sealed_password)
    browser.post(url, {"label": "New label", "handle": account.handle, "password": "another1"})
    changed.refresh_from_db()
    candidate = Candidate.objects.get(account=account)
    assert changed.sealed_password == account.sealed_password, "it is tested first"
    assert candidate.new_password
    assert "another1" not in json.dumps(candidate.sealed_password)


def test_malformed_provider_data_breaks_no_page(browser: Client, account: Account) -> None:
    AccountInfo.objects.filter(account=account).update(granted={}, used={}, available={}, share_definition={})
    for name in ("dashboard", "shares", "server_new"):
        assert browser.get(reverse(name, args=[account.pk])).status_code == 200, name
    factories.vm(account, ifaces=[{"ips": "x"}, 3, {"ips": [{}]}], shares=0)
    assert browser.get(reverse("servers", args=[account.pk])).status_code == 200


def test_member_of_two_teams_chooses_the_team_of_a_new_account(browser: Client, owner: Membership) -> None:
    other = factories.member("admin", of=factories.team("Other team"), person=owner.user)
    factories.member("viewer", of=factories.team("Only looking"), person=owner.user)
    html = browser.get(reverse("connect")).content.decode()
    assert "Other team</option>" in html
    assert "Only looking</option>" not in html
    typed = {
        "team": other.team_id,
        "endpoint": factories.endpoint().pk,
        "label": "Theirs",
        "login": "AA1-DEMO",
        "handle": "AA1-DEMO",
        "password": "mypassword",
    }
    browser.post(reverse("connect"), typed)
    assert Account.objects.get().team == other.team


def test_account_cannot_be_connected_to_a_foreign_team(browser: Client, owner: Membership) -> None:
    factories.member("admin", of=factories.team("Second team"), person=owner.user)
    stranger = factories.team()
    typed = {
        "team": stranger.pk,
        "endpoint": factories.endpoint().pk,
        "label": "x",
        "login": "x",
        "handle": "x",
        "password": "x",
    }
    html = browser.post(reverse("connect"), typed).content.decode()
    assert "one of the available options" in beside(html, "team")
    assert not Account.objects.exists()


@pytest.mark.parametrize("name", ["label", "login", "handle", "password"])
def test_credentials_with_control_characters_are_refused(browser: Client, account: Account, name: str) -> None:
    endpoint = factories.endpoint()
    typed = {
        "endpoint": endpoint.pk,
        "label": "New",
        "login": "AB1",
        "handle": "AB1",
        "password": "s3cret",
        "nonce": "",
    }
    response = browser.post(reverse("connect"), {**typed, name: "a\x01b"})
    assert response.status_code == 422
    assert "Control characters" in beside(response.content.decode(), name)
    assert not Account.objects.filter(endpoint=endpoint).exists()


@pytest.mark.django_db
def test_repeated_syncs_within_seconds_ask_once_for_each_account() -> None:
    viewer = factories.member("viewer")
    accounts = [factories.account(viewer.team) for _ in range(2)]
    browser = Client()
    browser.force_login(viewer.user)
    versions_before = [account.version for account in accounts]
    for account in accounts * 20:
        assert browser.post(reverse("refresh", args=[account.pk])).status_code == 303
    for account, before in zip(accounts, versions_before, strict=True):
        account.refresh_from_db()
        assert account.version == before + 1
        assert account.sync_requested_at is not None
        assert account.round_due_at == account.sync_requested_at
