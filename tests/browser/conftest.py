"""Chromium against the running processes."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import databases
from tests.browser.steps import field
from tests.stack import Stack, start_stack

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A server takes half a second: 90 s in the simulation, times this.
SPEED = "0.005"

expect.set_options(timeout=20_000)


def chromium_path() -> str:
    """Debian's Chromium without windows: the same engine with a third less work for the processor."""
    path = shutil.which("chromium-headless-shell")
    assert path, (
        "Chromium is missing: make test-stack installs Debian's chromium-headless-shell, or says what to install"
    )
    return path


def start(directory: Path, **env: str) -> Stack:
    """Start the product with a database that was migrated once for all tests: `tests/test_run.py` begins with none."""
    env = {"DATABASE_URL": databases.panel(directory), "PROVIDER_SPEED": SPEED, **env}
    return start_stack(directory, PROVIDER_CALLS_LOG_LEVEL="DEBUG", **env)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = start(tmp_path_factory.mktemp("stack"))
    yield running
    running.stop()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Its event loop ends with the package, because Django's database would refuse to work beside it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """Problems on pages: script errors, failed requests, violations of the content security policy."""
    return []


@pytest.fixture
def browse(chromium: Browser, stack: Stack, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Open a page of the panel in a new browser, signed in as the demo, as somebody else, or not at all.

    Motion is reduced: without a graphics card, every frame of an animation costs the processor.
    """
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/", *, person: str | None = stack.email, **options: object) -> Page:
        context = chromium.new_context(**{"base_url": stack.url, "reduced_motion": "reduce", **options})  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        if person:
            take_session(context, stack, person)
        page = context.new_page()
        listen(page, complaints)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def hold(stack: Stack) -> Iterator[Callable[[str], None]]:
    """Pause a process of the Procfile until the test ends or resumes it."""
    held: list[int] = []

    def stop(name: str) -> None:
        held.append(stack.pids()[name])
        os.kill(held[-1], signal.SIGSTOP)

    yield stop
    for pid in held:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(autouse=True)
def driven(request: pytest.FixtureRequest, stack: Stack) -> Iterator[None]:
    """Check that the provider answered every method the test names in `@pytest.mark.drives`."""
    marker = request.node.get_closest_marker("drives")
    before = len(stack.log)
    yield
    wanted = set(marker.args) if marker else set()
    deadline = time.monotonic() + 5
    while missing := wanted - stack.methods(since=before):
        assert time.monotonic() < deadline, f"the provider was not asked for {missing}"
        time.sleep(0.1)


def take_session(context: BrowserContext, stack: Stack, email: str) -> None:
    """Sign the browser in without the form."""
    key = stack.run(f"from tests.browser import sessions; print(sessions.open_session({email!r}))")
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": stack.url}])


def sign_in(page: Page, email: str, password: str) -> None:
    field(page, "Email").fill(email)
    field(page, "Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Sign in")


def listen(page: Page, complaints: list[str]) -> None:
    """Collect errors and warnings of the page."""
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
