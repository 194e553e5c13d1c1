"""The product's real processes with one account in it, a member's browser, and a look into the database."""

import os
import time
from pathlib import Path

import redis

from tests import databases
from tests.chaos.browser import Browser, read_form
from tests.chaos.world import World, wait_until
from tests.shell import Shell

# The provider's demonstration: a reseller, and one of its running servers.
LOGIN, PASSWORD, SERVER = "AA1234-GANDI", "mypassword", 456
PERSON, SIGN_IN_PASSWORD = "owner@example.org", "correct horse battery"
# Where the chaos suite is shorter of patience.
AS_SHIPPED = {"API_CONNECT_TIMEOUT_S": "5", "API_READ_TIMEOUT_S": "30", "SENDING_LIMIT_S": "60", "API_RATE_LIMIT": "30"}
MODELS = "from hosting.accounts.models import *; from hosting.operations.models.operation import *"
CONNECT = f"""
from hosting.accounts.connect import connect
from hosting.accounts.models import Account, Endpoint
from hosting.teams.models import Membership, Team, User
user = User.objects.create_user({PERSON!r}, {SIGN_IN_PASSWORD!r})
member = Membership.objects.create(team=Team.objects.create(name="Team"), user=user, role="owner")
endpoint = Endpoint.objects.create(name="Provider", url=PROVIDER)
connect(by=member, endpoint=endpoint, label="Reseller", login={LOGIN!r}, handle={LOGIN!r}, password={PASSWORD!r})
"""


class Panel:
    """The imported account is the demonstration's reseller. `env` overrides settings of the panel."""

    def __init__(self, directory: Path, **env: str) -> None:
        database = directory / "panel.sqlite3"
        databases.copy_panel(database)
        self.world = World(directory, database, extensions=True, env={**AS_SHIPPED, "WEB_WORKERS": "1", **env})
        self.shell = Shell(
            "panel.settings",
            {**os.environ, **{name: value for name, value in self.world.env.items() if value is not None}},
        )
        self.shell.run(CONNECT.replace("PROVIDER", repr(self.world.provider.url)))
        assert wait_until("imported", lambda: self.ask("Account.objects.get().mirrored_at") != "None", 40)
        self.account = int(self.ask("Account.objects.get().pk"))
        self.browser = Browser(self.world.url)
        self.browser.sign_in(PERSON, SIGN_IN_PASSWORD)

    def ask(self, expression: str) -> str:
        return self.run(f"print({expression})")

    def run(self, code: str) -> str:
        """Run Python in the panel's project, with its models at hand."""
        return self.shell.run(f"{MODELS}\n{code}")

    def reboot(self, server: int = SERVER) -> float:
        """Press the button, and see that it is accepted. When that was, in seconds since 1970."""
        where = f"/accounts/{self.account}/servers/{server}/"
        page = self.browser.open(where)
        form = read_form(page.text)
        (button,) = [address for address in form.buttons if address.endswith("/reboot/")]
        fields = {"csrfmiddlewaretoken": form.token, "nonce": form.buttons[button]}
        pressed_at = time.time()
        assert "was submitted" in self.browser.send(button, fields).text
        return pressed_at

    def is_done(self) -> bool:
        """Whether everything that was requested has been carried out."""
        return self.ask("set(Operation.objects.values_list('state', flat=True)) <= {'done'}") == "True"

    def server(self) -> "redis.Redis":
        """An administrator's connection. It is made before the outage, and is not closed by it."""
        client = redis.Redis(
            port=self.world.valkey_port, password=os.environ["VALKEY_PASSWORD"], single_connection_client=True
        )
        client.ping()
        return client

    def stop(self) -> None:
        self.shell.stop()
        self.world.stop()
