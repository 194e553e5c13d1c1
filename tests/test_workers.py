"""The workers of the Procfile: members' work does not wait for reading, and what does not run is noticed."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.chaos.world import wait_until
from tests.live_panel import LOGIN, Panel

ACCOUNTS = 50
# The demonstration's running servers.
SERVERS = (456, 1234, 2001)
# A click is sent within this time, whatever else is done (seconds).
SENT_WITHIN_S = 1.0
SILENCE_LIMIT_S = 3
# Of the Procfile's line.
BACKGROUND_THREADS = 12

# Customers of the reseller. Logging in costs the provider little, because the wait for it is not what is measured.
CUSTOMERS = f"""
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import transaction
from hosting.provider.models import Handle
from hosting.provider.seed import PASSWORD, add_handle
reseller = Handle.objects.get(handle={LOGIN!r})
reseller.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1)
reseller.save()
with transaction.atomic():
    for number in range({ACCOUNTS}):
        add_handle(f"W{{number:02}}-TEST", f"Customer {{number}}", "10.00", reseller=reseller)
"""
# Their accounts, all by the reseller's login, each with an operation to track.
ACCOUNTS_OF_CUSTOMERS = f"""
from django.db import transaction
from django.utils import timezone
first = Account.objects.get()
with transaction.atomic():
    for number in range({ACCOUNTS}):
        account = Account.objects.create(
            team=first.team, endpoint=first.endpoint, label=f"Customer {{number}}", login=first.login,
            handle=f"W{{number:02}}-TEST", sealed_password=first.sealed_password,
        )
        Operation.objects.create(
            account=account, kind="vm_reboot", state="tracked", remote_id=900_000 + number, answered_at=timezone.now()
        )
"""


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    running = Panel(tmp_path_factory.mktemp("workers"), SILENCE_LIMIT_S=str(SILENCE_LIMIT_S))
    yield running
    running.stop()


def test_click_is_sent_within_a_second_while_fifty_accounts_of_one_login_are_read(panel: Panel) -> None:
    panel.world.provider.shell(CUSTOMERS)
    # The very first click also compiles templates and signs in, which is not the wait that is measured.
    panel.reboot()
    assert wait_until("the first click is carried out", panel.is_done, 30)
    # Each account keeps a thread of the workers busy for longer than a click may wait.
    panel.world.script("operation_list:delay=4;vm_list:delay=4")
    panel.run(ACCOUNTS_OF_CUSTOMERS)
    assert wait_until("many are being read", lambda: sessions(panel) > BACKGROUND_THREADS, 10)
    took_s = [arrival_of_a_click(panel, server) for server in SERVERS]
    begun = sessions(panel)
    panel.world.script("")
    print(f"sent after {', '.join(f'{each:.2f}' for each in took_s)} s")
    assert max(took_s) < SENT_WITHIN_S, took_s
    assert begun < ACCOUNTS, "the accounts were read before the last click"


def sessions(panel: Panel) -> int:
    """The accounts whose reading has begun: each has a session at the provider."""
    return len(panel.server().keys("session:*"))


def arrival_of_a_click(panel: Panel, server: int) -> float:
    """Reboot a server. Seconds from the click until the provider has taken the call."""
    pressed_at = panel.reboot(server)
    code = (
        "from hosting.provider.models import Operation\n"
        f"for row in Operation.objects.filter(type='vm_reboot', vm_id={server}).order_by('-pk')[:1]:\n"
        "    print(row.date_created.timestamp())"
    )
    found: list[float] = []

    def has_arrived() -> bool:
        found[:] = [at for at in map(float, panel.world.provider.shell(code).split()) if at > pressed_at]
        return bool(found)

    assert wait_until("sent", has_arrived, 30)
    return found[0] - pressed_at


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("background", "Look at the process background"),
        ("worker", "Look at the processes beat and worker"),
        ("beat", "Look at the processes beat and worker"),
    ],
)
def test_health_names_a_process_that_has_ended_until_it_is_back(panel: Panel, name: str, words: str) -> None:
    workers = dict(zip(("worker", "background"), panel.world.workers, strict=False))
    process = {**workers, "beat": panel.world.beat}[name]
    assert wait_until("all run", lambda: health(panel) == "ok", 20), health(panel)
    process.kill()
    assert wait_until("noticed", lambda: words in health(panel), SILENCE_LIMIT_S + 10), health(panel)
    page = panel.browser.open(f"/accounts/{panel.account}/").text
    assert ("background worker is not running" in page) is (name == "background")
    process.start()
    assert wait_until("back", lambda: health(panel) == "ok", 20), health(panel)


def health(panel: Panel) -> str:
    try:
        with urllib.request.urlopen(f"{panel.world.url}/health", timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()
