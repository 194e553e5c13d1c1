"""Known secrets appear in no log, table, queue, cache, file or page, neither during nor after real work."""

import base64
import binascii
import os
import re
import signal
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import redis
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.fernet import Fernet
from playwright.sync_api import Page, expect

from hosting.management.commands.prepare import DEMO_API_PASSWORD
from tests.browser.conftest import sign_in
from tests.browser.steps import field
from tests.stack import Stack

ROOT_PASSWORD = "plant3d-root-password"
SCRIPT_WORD = "plant3d-in-a-script"
RESELLER_PASSWORD = "plant3d-reseller-password"
OWN_PASSWORD, NEW_PASSWORD = "plant3d-own-passw0rd", "plant3d-new-passw0rd"
PERSON, INVITED = "quiet@planted.example", "invited@planted.example"
MAKE_PERSON = f"""
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role
person = User.objects.create_user("{PERSON}", "{OWN_PASSWORD}", name="Quiet")
Membership.objects.create(team=Team.objects.create(name="Quiet team"), user=person, role=Role.OWNER)
"""
# Mails hold links, and the file of secrets holds secrets: nobody but their owner reads them.
MEANT_TO = {"env", "mail"}
# The provider knows its own sessions and passwords, and is another party; files for browsers are public.
NOT_OURS = {"provider.sqlite3", "provider.sqlite3-wal", "provider.sqlite3-shm", "static", "assets"}


def everything_stored(stack: Stack) -> dict[str, bytes]:
    """Contents of the disk and of Redis by name, raw and with encoded parts decoded."""
    files = {
        str(path.relative_to(stack.directory)): path.read_bytes()
        for path in stack.directory.rglob("*")
        if path.is_file() and path.relative_to(stack.directory).parts[0] not in MEANT_TO | NOT_OURS
    }
    stored = {**files, **{f"redis {name}": value for name, value in everything_in_redis(stack)}}
    return {name: b"\n".join([value, *unpacked(value)]) for name, value in stored.items()}


def databases(stack: Stack) -> list[redis.Redis]:
    """The Redis databases of the panel and of the provider."""
    password = env_of(stack)["VALKEY_PASSWORD"]
    return [redis.Redis(port=stack.valkey_port, password=password, db=number) for number in (0, 1)]


def env_of(stack: Stack) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (stack.directory / "env").read_text().splitlines())


def everything_in_redis(stack: Stack) -> Iterator[tuple[str, bytes]]:
    for number, client in enumerate(databases(stack)):
        for key in client.scan_iter():
            yield f"{number} {key.decode()}", b"\n".join([key, *values_of(client, key)])


def values_of(client: redis.Redis, key: bytes) -> Iterable[bytes]:
    found: Any
    match client.type(key):
        case b"string":
            found = [client.get(key) or b""]
        case b"list":
            found = client.lrange(key, 0, -1)
        case b"set":
            found = client.smembers(key)
        case b"zset":
            found = client.zrange(key, 0, -1)
        case _:
            found = [part for item in client.hgetall(key).items() for part in item]
    return list(found)


def unpacked(value: bytes) -> Iterator[bytes]:
    """Decoded base64 parts, as queues and sessions store them, and their decompressed contents."""
    for found in set(re.findall(rb"[A-Za-z0-9+/_-]{24,}={0,2}", value)):
        with_padding = found.rstrip(b"=") + b"=" * (-len(found.rstrip(b"=")) % 4)
        try:
            plain = base64.b64decode(with_padding, altchars=b"-_" if re.search(rb"[-_]", found) else None)
        except binascii.Error:
            continue
        yield plain
        try:
            yield zlib.decompress(plain)
        except zlib.error:
            continue


def session_ids(stack: Stack) -> list[bytes]:
    """Ids of the cached provider sessions, decrypted with the panel's key."""
    panel, seal = databases(stack)[0], Fernet(env_of(stack)["SEAL_KEYS"])
    found = [seal.decrypt(panel.get(key) or b"") for key in panel.scan_iter("session:*")]
    assert found, "no session is cached"
    return found


def session_key(page: Page) -> bytes:
    """The key of the panel's session, as the browser's cookie has it."""
    return next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "sessionid").encode()


def check(secrets: dict[str, bytes], stored: dict[str, bytes]) -> None:
    for what, secret in secrets.items():
        for name, content in stored.items():
            assert secret not in content, f"{what} is in {name}"


@pytest.mark.timeout(180)
def test_no_secret_appears_in_storage_logs_or_pages(
    browse: Callable[..., Page], stack: Stack, hold: Callable[[str], None]
) -> None:
    page = browse()
    page.get_by_role("link", name="New server").first.click()
    field(page, "Shares to buy").fill("1")
    field(page, "Host name").fill("quiet")
    field(page, "Operating system").select_option(index=1)
    field(page, "Root password").fill(ROOT_PASSWORD)
    page.locator("summary", has_text="First-boot script").click()
    page.get_by_role("textbox", name="First-boot script").fill(f"#!/bin/sh\necho {SCRIPT_WORD}")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    assert not [secret for secret in (ROOT_PASSWORD, SCRIPT_WORD) if secret in page.content()]

    # While nobody takes jobs they lie in the queue.
    for name in ("worker", "background"):
        hold(name)
    other = reset_password(browse, stack, before_mail=lambda: page.get_by_role("button", name="Start").click())
    assert any(b"hosting.tasks.send_mail" in content for content in everything_stored(stack).values())
    at_rest = {
        "the root password": ROOT_PASSWORD.encode(),
        "the first-boot script": SCRIPT_WORD.encode(),
        "the reseller's password": DEMO_API_PASSWORD.encode(),
        "a person's password": OWN_PASSWORD.encode(),
    }
    check(at_rest, everything_stored(stack))
    for name in ("worker", "background"):
        os.kill(stack.pids()[name], signal.SIGCONT)

    link = open_link(other, stack)
    key, codes = second_factor(other)
    token = make_token(other, stack)
    invitation = invite(other, stack)
    connect(other)
    expect(page.locator("ol > li.step-done")).to_have_count(5, timeout=60_000)
    secrets = {
        **at_rest,
        "a reseller's password that was refused": RESELLER_PASSWORD.encode(),
        "a person's new password": NEW_PASSWORD.encode(),
        "a link that sets a password": link.encode(),
        "the key of an authenticator app": key.encode(),
        **{f"a recovery code ({number})": code.encode() for number, code in enumerate(codes)},
        "an API token": token.encode(),
        "the link of an invitation": invitation.encode(),
        "the key of a session": session_key(other),
        **{f"a session at the provider ({number})": one for number, one in enumerate(session_ids(stack))},
    }
    stored = everything_stored(stack)
    assert "panel.sqlite3" in stored
    check(secrets, stored)
    pages = {each.url: each.content().encode() for each in (page, other)}
    pages |= {f"kept by the browser at {each.url}": kept_by_browser(each) for each in (page, other)}
    for address in ("/", "/accounts/", page.url):
        page.goto(address)
        pages[address] = page.content().encode()
    check(secrets, pages)


def reset_password(browse: Callable[..., Page], stack: Stack, *, before_mail: Callable[[], None]) -> Page:
    """Request a password reset mail in a new browser."""
    stack.run(MAKE_PERSON)
    page = browse("/auth/login/", person=None)
    before_mail()
    page.goto("/auth/password/reset/")
    page.get_by_label("Email").fill(PERSON)
    page.get_by_label("Email").press("Enter")
    page.wait_for_url("**/password/reset/done/")
    return page


def mailed(stack: Stack, to: str) -> str:
    """The text of the latest mail to the address; wait until there is one."""
    deadline = time.monotonic() + 20
    while not (mails := stack.mails(to)):
        assert time.monotonic() < deadline, "no mail came"
        time.sleep(0.1)
    return str(mails[-1].get_payload())


def open_link(page: Page, stack: Stack) -> str:
    """Open the mailed link, set a new password and sign in; return the secret part of the link."""
    found = re.search(r"/auth/password/reset/key/(\S+?)/", mailed(stack, PERSON))
    assert found
    page.goto(found[0])
    boxes = page.locator("input[type=password]").all()
    for box in boxes:
        box.fill(NEW_PASSWORD)
    boxes[-1].press("Enter")
    expect(page.locator("input[type=password]")).to_have_count(0)
    page.goto("/auth/login/")
    if page.locator("input[type=password]").count():
        sign_in(page, PERSON, NEW_PASSWORD)
    return found[1]


def second_factor(page: Page) -> tuple[str, list[str]]:
    """Set up an authenticator app; return its key and the recovery codes."""
    page.goto("/auth/2fa/totp/activate/")
    key = (page.locator("#totp-secret").text_content() or "").replace(" ", "")
    assert len(key) >= 16
    code = page.locator("main input[name=code]")
    code.fill(format_hotp_value(hotp_value(key, int(time.time()) // 30)))
    code.press("Enter")
    expect(page.locator("ul.codes li").first).to_be_visible()
    return key, page.locator("ul.codes li").all_text_contents()


def make_token(page: Page, stack: Stack) -> str:
    """Create an API token and use it; return its secret."""
    team = stack.run("from hosting.teams.models import Team; print(Team.objects.get(name='Quiet team').pk)")
    page.goto(f"/teams/{team}/tokens/own/new/")
    field(page, "Name").fill("quiet")
    field(page, "Name").press("Enter")
    secret = (page.locator("#secret").text_content() or "").strip()
    assert len(secret) >= 32
    used = page.request.get("/api/v1/whoami", headers={"Authorization": f"Bearer {secret}"})
    assert used.status == 200
    page.goto("/me/tokens/")
    return secret


def invite(page: Page, stack: Stack) -> str:
    """Invite a person; return the secret part of the mailed link."""
    team = stack.run("from hosting.teams.models import Team; print(Team.objects.get(name='Quiet team').pk)")
    page.goto(f"/teams/{team}/invite/")
    field(page, "Email address").fill(INVITED)
    page.get_by_role("button", name="Send invitation").click()
    found = re.search(r"/invitations/(\S+?)/", mailed(stack, INVITED))
    assert found
    return found[1].rpartition(":")[2]


def kept_by_browser(page: Page) -> bytes:
    """Everything the page stored that scripts can read, including cookies."""
    stored = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])"
    return str(page.evaluate(stored)).encode()


def connect(page: Page) -> None:
    """Connect an account with a password that the provider refuses."""
    page.goto("/accounts/connect/")
    for label, value in (("Label", "Wrong"), ("Login", "QQ1-GANDI"), ("Handle", "QQ1-GANDI")):
        field(page, label).fill(value)
    field(page, "Password").fill(RESELLER_PASSWORD)
    page.locator("main form[method=post]").get_by_role("button", name="Connect").click()
    expect(page.get_by_text("The provider rejected the credentials").first).to_be_visible()
