"""The forms that create, resize and delete a server."""

import re
import uuid
from dataclasses import asdict

from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.accounts.sealing import unseal
from hosting.operations.kinds.catalogue import UpdateVm
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.plans.resize import Resize
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from tests import factories
from tests.web.views.test_forms import beside


def test_running_server_is_resized_directly_where_possible(browser: Client, account: Account) -> None:
    vm = factories.vm(account, shares=2, memory_mb=512, vm_max_memory_mb=2048)
    url = reverse("server_resize", args=[account.pk, vm.remote_id])
    response = browser.post(url, {"shares": 2, "cpu": 1, "max_memory": 2048})
    assert "Nothing changed" in response.content.decode()
    assert browser.post(url, {"shares": 4, "cpu": 1, "max_memory": 2048, "plan": "1"}).status_code == 303
    assert Operation.objects.get().params == {"vm_id": vm.remote_id, "shares": 4, "cpu": None, "vm_max_memory_mb": None}
    assert not Plan.objects.exists()


def test_resize_that_needs_a_stopped_server_is_offered_as_a_plan(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-9", shares=2, memory_mb=512, vm_max_memory_mb=2048)
    url = reverse("server_resize", args=[account.pk, vm.remote_id])
    typed = {"shares": 2, "cpu": 1, "max_memory": 4096, "nonce": str(uuid.uuid4())}
    html = browser.post(url, typed).content.decode()
    assert "This resize requires a stopped server." in html
    assert 'name="plan"' in html
    assert not Plan.objects.exists()
    for _ in range(2):
        response = browser.post(url, {**typed, "plan": "1"})
    plan = Plan.objects.get()
    assert response["Location"] == reverse("plan", args=[account.pk, plan.pk])
    page = browser.get(response["Location"]).content.decode()
    assert "Resize web-9" in page
    assert "Stop the server" in page
    assert not Operation.objects.exists()
    too_large = browser.post(url, {**typed, "shares": 99, "nonce": ""}).content.decode()
    assert "99 shares are needed" not in too_large
    assert "97 shares are needed and 10 are free" in beside(too_large, "shares")
    assert 'name="plan"' not in too_large


def test_stopped_resize_plan_says_the_server_is_stopped_and_offers_start(
    browser: Client, account: Account, owner: Membership
) -> None:
    vm = factories.vm(account, "web-9", state="halted", shares=2, cores=1)
    spec = Resize.of(vm, UpdateVm(vm.remote_id, shares=3, vm_max_memory_mb=4096))
    plan = factories.plan(
        account, by=owner, state="stopped", kind=spec.kind, spec=asdict(spec), problem={"step": "change"}
    )
    url = reverse("plan", args=[account.pk, plan.pk])
    html = browser.get(url).content.decode()
    assert "The server is stopped." in html
    assert reverse("server_start", args=[account.pk, vm.remote_id]) in html
    assert reverse("plan_resume", args=[account.pk, plan.pk]) in html
    assert url in browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    attention = browser.get(reverse("attention", args=[account.pk])).content.decode()
    assert "Resize web-9" in attention
    assert "stopped the server and has not started it again" in attention
    to_change = reverse("plan_change", args=[account.pk, plan.pk])
    assert browser.post(to_change, {"shares": 4, "cpu": 1, "max_memory": 2048}).status_code == 303
    plan.refresh_from_db()
    assert (plan.spec["shares"], plan.spec["vm_max_memory_mb"]) == (4, 2048)
    factories.operation(account, by=owner, plan=plan, step="change", kind="vm_update", state="done")
    Plan.objects.update(problem={"step": "start"})
    assert browser.get(to_change)["Location"] == url
    assert "It has its new size." in browser.get(url).content.decode()


def test_server_only_form_submits_once_and_stores_the_password_sealed(browser: Client, account: Account) -> None:
    image = factories.os_image(account)
    url = reverse("server_alone", args=[account.pk])
    typed = {"hostname": "web-9", "os_id": image.remote_id, "shares": 2, "cpu": 1, "login": "admin"}
    wrong = browser.post(url, {**typed, "shares": 99, "password": "s3cretpass"})
    html = wrong.content.decode()
    assert wrong.status_code == 422
    assert "99 shares are needed and 10 are free" in beside(html, "shares")
    assert 'value="web-9"' in html
    assert "s3cretpass" not in html
    nonce = str(uuid.uuid4())
    for _ in range(2):
        assert browser.post(url, {**typed, "password": "s3cretpass", "nonce": nonce}).status_code == 303
    operation = Operation.objects.get()
    assert (operation.kind, operation.subject, operation.reserved_shares) == ("vm_create", "web-9", 2)
    assert unseal(operation.sealed_secret) == "s3cretpass"
    assert "s3cretpass" not in str(AuditEntry.objects.values_list())


def test_query_string_prefills_the_new_server_form(browser: Client, account: Account) -> None:
    image = factories.os_image(account)
    asked = f"?shares=3&cpu=2&os_id={image.remote_id}&disk_size_mb=20480+MB&hostname=%3Cb%3E"
    html = browser.get(reverse("server_new", args=[account.pk]) + asked).content.decode()
    assert re.search(r'name="shares" value="3"', html)
    assert re.search(r'name="disk_size_mb" value="20"', html)
    assert "&lt;b&gt;" not in html
    assert "this server needs 3" in html


def test_deleting_a_server_says_what_happens_to_each_disk(browser: Client, account: Account) -> None:
    vm = factories.vm(account, state="halted")
    factories.disk(account, "the-system", on=vm, type="system", is_boot_disk=True, position=0)
    factories.disk(account, "the-data", on=vm)
    html = browser.get(reverse("server_delete", args=[account.pk, vm.remote_id])).content.decode()
    system, data = html.index("the-system"), html.index("the-data")
    assert system < html.index("Deleted") < data < html.index("Kept, unattached")
