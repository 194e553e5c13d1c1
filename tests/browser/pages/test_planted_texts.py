"""Markup planted by the provider or by people does not run in a real browser."""

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.steps import DESKTOP, DONE_MS
from tests.stack import Stack

PAYLOAD = "\"'><img src=x onerror='window.planted=1'><script>window.planted=1</script>"
EMAIL = "planted@look.example"
LOGIN, API_PASSWORD = "PL9100-GANDI", "plant3d-1"
SERVER, DISK = 910_001, 910_002
AT_THE_PROVIDER = f"""
from django.db import transaction
from django.utils import timezone
from hosting.provider.models import OsImage
from hosting.provider.seed.demo import _disk, _product, _vm, add_handle
now, text = timezone.now(), {PAYLOAD!r}
with transaction.atomic():
    account = add_handle("{LOGIN}", text, "100.00", "{API_PASSWORD}").hosting_account
    _product(account, "shares", 4, "1y", now, pk=910003)
    image = OsImage.objects.create(label=text, arch="x86-64", kernel_version=text[:64], min_disk=1024, offered=False)
    vm = _vm(account, {SERVER}, text, image.pk, 1, now)
    vm.description = text
    vm.save()
    _disk(account, {DISK}, text[:64], 8192, now)
"""
IN_THE_PANEL = f"""
import json
from django.utils import timezone
from hosting.accounts.connect import connect
from hosting.accounts.models import Endpoint
from hosting.annotations.models import Note
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role
from tests import factories
text = {PAYLOAD!r}
person = User.objects.create_user("{EMAIL}", name=text)
owner = Membership.objects.create(team=Team.objects.create(name=text), user=person, role=Role.OWNER)
endpoint = Endpoint.objects.get(offered=True)
account = connect(
    by=owner, endpoint=endpoint, label=text, login="{LOGIN}", handle="{LOGIN}", password="{API_PASSWORD}"
)
factories.tag(owner.team, text[:40])
factories.saved_view(owner, text[:40])
factories.change(account, name=text, before={{"state": text}}, after={{"state": text}})
said = {{"reason": "fault", "code": 510000, "object": 1, "cause": 99, "element": text, "text": text}}
operation = factories.operation(account, by=owner, kind="vm_reboot", subject=text, state="refused", problem=said)
Note.objects.create(account=account, object_type="vm", remote_id={SERVER}, text=text, changed_at=timezone.now())
print(json.dumps([account.pk, operation.pk]))
"""


def test_no_planted_text_runs_in_the_browser(browse: Callable[..., Page], stack: Stack, complaints: list[str]) -> None:
    stack.run(AT_THE_PROVIDER, provider=True)
    account, operation = json.loads(stack.run(IN_THE_PANEL))
    root = f"/accounts/{account}"
    page = browse(f"{root}/servers/", person=EMAIL, viewport=DESKTOP)
    expect(page.locator(f'main a[href$="/servers/{SERVER}/"]').first).to_be_visible(timeout=DONE_MS)
    sections = ("", "servers/", "disks/", "shares/", "operations/", "changes/", "tags/", "attention/", "trends/")
    things = (f"servers/{SERVER}/", f"servers/{SERVER}/note/", f"disks/{DISK}/delete/", f"operations/{operation}/")
    addresses = [f"{root}/{path}" for path in (*sections, *things)]
    for address in (*addresses, "/accounts/", "/search/?q=img", f"{root}/servers/?q={PAYLOAD}"):
        page.goto(address)
        assert "window.planted=1" in page.locator("body").inner_text(), address
        check(page)
    # What scripts of the panel put together from texts: a question, a swapped region.
    page.goto(f"{root}/servers/{SERVER}/")
    page.locator("main button[data-confirm]").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("window.planted=1")
    check(page)
    page.keyboard.press("Escape")
    page.evaluate("document.querySelector('#live').dataset.version = ''")
    with page.expect_response(lambda response: response.request.headers.get("hx-request") == "true", timeout=20_000):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    check(page)
    assert not complaints


def check(page: Page) -> None:
    assert page.evaluate("window.planted") is None, page.url
    assert page.locator("img").count() == 0, page.url
