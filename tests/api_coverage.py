"""Where each method of the API is in the panel, and which browser test drives it: `python -m tests.api_coverage`
writes `docs/api-coverage.md`.
"""

import importlib
import inspect
import os
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "api-coverage.md"
HEAD = """# The API in the panel

Each method of the Hosting API and each extension that changes something, the pages that use it or show what it says,
the background job that makes the call (no page does), and the browser tests during which the provider answered it.
Written by `make docs`; a test keeps it true.

| method | pages | job | browser tests |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Use:
    """The names of pages (`hosting/web/urls.py`), and the jobs (`hosting/jobs.py`) that call the method."""

    pages: tuple[str, ...]
    jobs: tuple[str, ...] = ("send",)


WHERE = {
    "login": Use(("connect", "login", "account_settings"), ("prove", "refresh", "send", "track")),
    "su": Use(("connect", "handle_new", "account_settings"), ("prove", "refresh", "send", "track")),
    "account_currency": Use(("dashboard",), ("refresh",)),
    "account_balance": Use(("dashboard", "trends", "refresh"), ("refresh", "track")),
    "hosting_account_info": Use(("shares", "shares_calendar", "planner", "trends", "refresh"), ("refresh", "track")),
    "hosting_account_product_add": Use(("shares_add", "server_new")),
    "hosting_account_product_renew": Use(("shares_renew", "shares_bulk")),
    "hosting_account_product_remove": Use(("shares_remove",)),
    "hosting_account_product_update": Use(("shares_update",)),
    "vm_create": Use(("server_new", "server_alone", "operation_retry")),
    "vm_info": Use(("server", "servers"), ("refresh", "track")),
    "vm_list": Use(("servers", "refresh"), ("refresh",)),
    "vm_update": Use(("server_resize", "plan_start")),
    "vm_delete": Use(("server_delete", "servers_bulk")),
    "vm_start": Use(("server_start", "servers_bulk")),
    "vm_stop": Use(("server_stop", "servers_bulk")),
    "vm_reboot": Use(("server_reboot", "servers_bulk")),
    "vm_disk_list": Use(("server",), ("read_links",)),
    "vm_disk_link": Use(("server", "disk"), ("read_links",)),
    "disk_create": Use(("disk_new", "server_new")),
    "disk_info": Use(("disk", "disks"), ("refresh", "track")),
    "disk_list": Use(("disks", "refresh"), ("refresh",)),
    "disk_delete": Use(("disk_delete", "disks_bulk")),
    "disk_attach": Use(("disk_attach", "server_new")),
    "disk_detach": Use(("disk_detach",)),
    "operation_list": Use(("operations", "attention"), ("track", "identify", "settle")),
    "operation_details": Use(("operation", "operations"), ("track", "settle")),
    "operation_cancel": Use(("operation_cancel",), ("cancel",)),
    "os_list": Use(("server_new",), ("refresh",)),
    "sharedeck.vm_rename": Use(("server_rename",)),
    "sharedeck.vm_reinstall": Use(("server_reinstall", "operation_retry")),
    "sharedeck.ip_reverse": Use(("server", "server_reverse")),
}


def covered() -> list[str]:
    """The methods of the contract, and the extensions that change something."""
    from hosting.api import CHANGING, EXTENSIONS, METHODS

    return [*METHODS, *(name for name in EXTENSIONS if name in CHANGING)]


def routes() -> dict[str, str]:
    """The address of each page by its name."""
    from django.urls import URLPattern

    from hosting.web.urls import of_account, urlpatterns

    def address(route: object) -> str:
        return re.sub(r"<\w+:\w+>", "…", str(route))

    def named(pages: Iterable[object], start: str) -> dict[str, str]:
        return {str(page.name): start + address(page.pattern) for page in pages if isinstance(page, URLPattern)}

    return named(urlpatterns, "/") | named(of_account, "/accounts/…/")


def drivers() -> dict[str, list[str]]:
    """The browser tests that drive each method: what they say is checked against the provider's log as they run."""
    found: dict[str, list[str]] = {}
    for name, test in sorted(_tests()):
        for mark in getattr(test, "pytestmark", ()):
            if mark.name == "drives":
                for method in mark.args:
                    found.setdefault(method, []).append(name)
    return found


def _tests() -> Iterator[tuple[str, object]]:
    from tests import browser

    for module in pkgutil.walk_packages(browser.__path__, "tests.browser."):
        if module.name.rpartition(".")[2].startswith("test_"):
            path = module.name.replace(".", "/") + ".py"
            for name, test in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
                if name.startswith("test_"):
                    yield f"{path}::{name}", test


def document() -> str:
    """The whole document, of what the code says now."""
    addresses, driven = routes(), drivers()
    lines = []
    for method in covered():
        use = WHERE[method]
        pages = "<br>".join(f"{name} `{addresses[name]}`" for name in use.pages)
        tests = "<br>".join(f"[{test.rpartition('::')[2]}](../{test.partition('::')[0]})" for test in driven[method])
        lines.append(f"| `{method}` | {pages} | {', '.join(use.jobs)} | {tests} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
    django.setup()
    DOCUMENT.write_text(document(), encoding="utf-8")
    print(f"{DOCUMENT.relative_to(ROOT)} is written.")
