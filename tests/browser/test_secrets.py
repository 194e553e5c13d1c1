"""Planted secrets after real work: in no log, table, queue or cache."""

from collections.abc import Callable

import redis
from cryptography.fernet import Fernet
from playwright.sync_api import Page, expect

from hosting.management.commands.prepare import DEMO_API_PASSWORD
from tests.browser.steps import field
from tests.stack import Stack

ROOT_PASSWORD = "plant3d-root-password"


def everything_stored(stack: Stack) -> tuple[dict[str, bytes], list[bytes]]:
    """What is on disk and in Redis by name, and the values of Redis alone."""
    env = dict(line.split("=", 1) for line in (stack.directory / "env").read_text().splitlines())
    panel, provider = (
        redis.Redis(port=stack.valkey_port, password=env["VALKEY_PASSWORD"], db=number) for number in (0, 1)
    )
    values = [client.dump(key) or b"" for client in (panel, provider) for key in client.scan_iter()]
    strings = [panel.get(key) or b"" for key in panel.scan_iter("session:*")]
    assert strings, "no session is cached"
    seal = Fernet(env["SEAL_KEYS"])
    session_ids = [seal.decrypt(sealed) for sealed in strings]
    files = {
        path.name: path.read_bytes() for path in stack.directory.glob("*") if path.is_file() and path.name != "env"
    }
    files.pop("provider.sqlite3", None)
    return {**files, "redis": b"\n".join(values)}, session_ids


def test_no_secret_is_left_anywhere(browse: Callable[..., Page], stack: Stack) -> None:
    page = browse()
    page.get_by_role("link", name="New server").first.click()
    field(page, "Shares to buy").fill("1")
    field(page, "Host name").fill("quiet")
    field(page, "Operating system").select_option(index=1)
    field(page, "Root password").fill(ROOT_PASSWORD)
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    assert ROOT_PASSWORD not in page.content()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("ol > li.step-done")).to_have_count(5, timeout=60_000)
    stored, session_ids = everything_stored(stack)
    assert {"panel.sqlite3", "redis"} <= stored.keys()
    for secret in (ROOT_PASSWORD.encode(), DEMO_API_PASSWORD.encode(), *session_ids):
        for name, content in stored.items():
            assert secret not in content, (name, secret[:4])
        assert secret not in page.content().encode()
