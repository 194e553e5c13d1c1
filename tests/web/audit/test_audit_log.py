"""The audit log in the panel: what is recorded, who can read it, and how entries are worded."""

import ast
import csv
import io
import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest
from django.conf import settings as now
from django.contrib.auth.signals import user_login_failed
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from hosting import tasks
from hosting.accounts import connect
from hosting.accounts.models import Account
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import conclude
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.states import State
from hosting.teams.audit import verification
from hosting.teams.audit.log import record
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, User
from hosting.teams.people import members
from hosting.teams.people.membership_rules import Grant
from hosting.teams.request_origin import Origin
from hosting.teams.roles import Role
from hosting.web.access import sign_in_audit
from hosting.web.access.allauth_adapters import AccountAdapter
from hosting.web.audit import wording
from hosting.web.wording.words import kind_noun
from tests import factories

PASSWORD = "planted-passw0rd-1"


@pytest.fixture(autouse=True)
def a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record failed sign-ins at once instead of in a worker."""
    monkeypatch.setattr(sign_in_audit, "enqueue", lambda _job, *arguments: tasks.note_failed_sign_in(*arguments))


@pytest.fixture
def person(owner: Membership) -> Membership:
    """A member who can sign in with a password."""
    owner.user.set_password(PASSWORD)
    owner.user.save()
    return owner


def audit(of: Membership, query: str = "") -> str:
    return f"{reverse('team_audit', args=[of.team_id])}{query and f'?{query}'}"


def actions(**where: object) -> list[str]:
    return list(AuditEntry.objects.filter(**where).order_by("pk").values_list("action", flat=True))


def sign_in(client: Client, email: str, password: str) -> None:
    client.post("/auth/login/", {"login": email, "password": password})


def body(response: object) -> str:
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response.streaming_content).decode()  # type: ignore[arg-type]


# Recording ------------------------------------------------------------------------------------------------------


def test_signing_in_and_out_is_recorded_for_each_team(person: Membership) -> None:
    other = factories.member(Role.VIEWER, person=person.user)
    factories.member(Role.VIEWER)
    client = Client()
    sign_in(client, person.user.email, PASSWORD)
    session = str(client.session.session_key)
    client.post("/auth/logout/")
    for team in (person.team, other.team):
        signed_in, signed_out = AuditEntry.objects.filter(team=team).order_by("pk")
        assert (signed_in.action, signed_in.actor_id) == ("person.signed_in", person.user_id)
        assert signed_in.detail == {"ways": ["password"]}
        assert signed_in.address == "127.0.0.1"
        assert signed_in.session == signed_out.session != ""
        assert session not in str(vars(signed_in))
        assert signed_out.action == "person.signed_out"
    assert AuditEntry.objects.count() == 4


def test_failed_sign_ins_are_recorded_without_flooding_the_audit_log(
    person: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    # allauth's own limits would stop the attempts earlier.
    monkeypatch.setattr(AccountAdapter, "pre_authenticate", lambda *_args, **_credentials: None)
    for _ in range(12):
        sign_in(Client(), person.user.email.upper(), "a wrong passw0rd")
    lines = AuditEntry.objects.order_by("pk")
    assert [(line.action, line.outcome, line.actor_id) for line in lines] == [
        ("person.sign_in_failed", "failed", None)
    ] * 2
    assert [line.detail for line in lines] == [{"attempts": 1}, {"attempts": 10}]
    assert "a wrong passw0rd" not in str([vars(line) for line in lines])


def test_failed_sign_in_with_an_unknown_address_is_not_recorded(person: Membership) -> None:
    sign_in(Client(), "nobody@example.org", "a wrong passw0rd")
    assert not AuditEntry.objects.exists()


def test_recording_a_failed_sign_in_does_not_reveal_registered_addresses(
    person: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[tuple[object, ...]] = []
    monkeypatch.setattr(sign_in_audit, "enqueue", lambda *arguments: asked_for.append(arguments))
    request = Client().get("/auth/login/").wsgi_request
    work = []
    for email in (person.user.email, "nobody@example.org"):
        with CaptureQueriesContext(connection) as asked:
            user_login_failed.send(User, credentials={"email": email}, request=request)
        work.append(len(asked))
    assert work[0] == work[1] == 1
    assert [arguments[1] for arguments in asked_for] == [person.user_id, 0]


def test_password_change_is_recorded_without_the_password(person: Membership) -> None:
    client = Client()
    sign_in(client, person.user.email, PASSWORD)
    new = {"oldpassword": PASSWORD, "password1": "another-planted-2", "password2": "another-planted-2"}
    client.post("/auth/password/change/", new)
    assert "person.password_changed" in actions()
    assert "planted" not in str(list(AuditEntry.objects.values()))


def test_repeated_refusals_are_recorded_once(account: Account, owner: Membership) -> None:
    viewer = factories.member(Role.VIEWER, of=owner.team)
    client = Client()
    client.force_login(viewer.user)
    url = reverse("shares_add", args=[account.pk])
    assert [client.get(url).status_code for _ in range(5)] == [403] * 5
    line = AuditEntry.objects.get()
    assert (line.action, line.outcome, line.account_id) == ("page.refused", "refused", account.pk)
    assert line.detail == {"page": "shares_add", "method": "GET", "reason": "spend", "times": 1}


def test_list_export_is_recorded(browser: Client, account: Account, owner: Membership) -> None:
    browser.get(f"{reverse('servers', args=[account.pk])}?format=csv&q=web")
    line = AuditEntry.objects.get()
    assert (line.action, line.account_id, line.actor_id) == ("list.exported", account.pk, owner.user_id)
    assert line.detail == {"list": "servers", "query": "format=csv&q=web", "format": "csv"}


def test_end_of_an_operation_is_recorded_once_with_its_outcome(account: Account) -> None:
    operation = factories.running_operation(account, target="vm:1")
    assert conclude.move(operation, State.TRACKED, State.DONE)
    assert not conclude.move(operation, State.TRACKED, State.FAILED)
    line = AuditEntry.objects.get()
    assert (line.action, line.outcome, line.actor_id) == ("operation.ended", "done", None)
    assert (line.operation_id, line.thing, line.account_id) == (operation.pk, "vm:1", account.pk)


def test_external_and_unfinished_operations_are_not_recorded(account: Account) -> None:
    conclude.move(factories.running_operation(account, origin="outside"), State.TRACKED, State.DONE)
    conclude.move(factories.operation(account, state="waiting"), State.WAITING, State.SENDING)
    assert not AuditEntry.objects.exists()


def test_change_is_recorded_with_the_value_before(account: Account, owner: Membership) -> None:
    vm = factories.vm(account, state="halted", shares=2)
    submit(catalogue.UpdateVm(vm.remote_id, shares=3), account=account, by=owner)
    line = AuditEntry.objects.get()
    assert wording.changes(line) == [("Shares", "2", "3")]
    connect.update(account, by=owner, label="Renamed", handle=account.handle)
    line = AuditEntry.objects.latest("pk")
    assert (line.before, line.after) == ({"label": "Production"}, {"label": "Renamed"})


def test_audit_log_contains_no_secret(account: Account, owner: Membership) -> None:
    connect.update(account, by=owner, label="A", handle="OTHER-HANDLE", password="planted-1")
    factories.product(account)
    create = catalogue.CreateVm(
        hostname="web", os_id=factories.os_image(account).remote_id, shares=1, cpu=1, login="admin"
    )
    submit(create, account=account, by=owner, secret="planted2root")
    told = json.dumps(list(AuditEntry.objects.values("subject", "before", "after", "detail")))
    assert "OTHER-HANDLE" in told
    assert "planted" not in told
    assert account.sealed_password not in told


# Wording -------------------------------------------------------------------------------------------------------


def recorded() -> Iterator[ast.expr]:
    """The action argument of every call that records an entry."""
    names = {"record", "record_stop", "write", "tell", "_tells", "_record", "_change", "_run"}
    for file in (now.BASE_DIR / "hosting").rglob("*.py"):
        if {"provider", "commands"} & set(file.parts):
            continue
        for node in ast.walk(ast.parse(Path(file).read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in names:
                yield from (keyword.value for keyword in node.keywords if keyword.arg == "action")
                yield from node.args


def test_every_action_has_a_label() -> None:
    constants = {node.value for node in recorded() if isinstance(node, ast.Constant)}
    constants = {value for value in constants if re.fullmatch(r"[a-z]+\.[a-z_]+", str(value))}
    assert len(constants) > 30
    assert constants - set(wording.ACTIONS) == set()
    built = {ast.unparse(node) for node in recorded() if isinstance(node, ast.JoinedStr)}
    assert built == {"f'operation.{kind.method}'", "f'bulk.{method}'"}
    for method in catalogue.KINDS:
        for group in ("operation", "bulk"):
            words = wording.action_words(AuditEntry(action=f"{group}.{method}"))
            assert kind_noun(method) in words


@pytest.mark.parametrize("value", ["admin", "owner", "running", "done", "view", "grey", "shares", "untested"])
@pytest.mark.parametrize("name", ["login", "hostname", "name", "tags", "label"])
def test_value_that_looks_like_a_role_or_state_is_not_translated(name: str, value: str) -> None:
    for action in ("operation.vm_create", "plan.changed", "bulk.paused", "tag.changed", "account.changed"):
        entry = AuditEntry(action=action, after={name: [value] if name == "tags" else value})
        with translation.override("fr"):
            assert [after for _name, _before, after in wording.changes(entry)] == [value]


@pytest.mark.parametrize(
    ("action", "field", "value", "words"),
    [
        ("member.changed", "role", "admin", "Administrateur"),
        ("tag.created", "color", "grey", "Gris"),
        ("operation.decided", "state", "done", "Terminé"),
        ("plan.started", "state", "running", "En marche"),
        ("bulk.paused", "state", "paused", "En pause"),
        ("account.stopped", "trouble", "credentials", "Le fournisseur a refusé les identifiants"),
        ("token.created", "permissions", ["view", "spend"], "Lire, Dépenser"),
        ("operation.vm_stop", "product_name", "disk", "Quota de disque"),
    ],
)
def test_field_decides_how_its_value_is_translated(action: str, field: str, value: object, words: str) -> None:
    with translation.override("fr"):
        assert [
            after for _name, _before, after in wording.changes(AuditEntry(action=action, after={field: value}))
        ] == [words]


def test_spending_limit_changes_name_their_roles() -> None:
    entry = AuditEntry(action="team.ceilings", after={"operator": {"shares": 4, "money": "10.00"}})
    assert wording.changes(entry) == [("Operator", "", "Shares: 4, Money: 10.00")]
    entry = AuditEntry(action="tag.changed", after={"operator": "x"})
    assert wording.changes(entry) == [("operator", "", "x")]


def test_every_action_is_in_exactly_one_group() -> None:
    begins = [begin for _label, some in wording.GROUPS.values() for begin in some]
    for action in wording.ACTIONS:
        assert len([begin for begin in begins if action.startswith(begin)]) == 1, action


# The page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lines(account: Account, owner: Membership) -> list[AuditEntry]:
    """A few entries of different actions."""
    owner.via = Origin(address="192.0.2.7", session="ab12cd34ef56ab12")
    vm = factories.vm(account, "web-1")
    where = {"account": account.pk, "thing": f"vm:{vm.remote_id}"}
    team = owner.team
    record(team, by=owner, action="operation.vm_stop", subject="web-1", after={"vm_id": vm.remote_id}, **where)  # type: ignore[arg-type]
    record(team, by=None, action="operation.ended", subject="web-1", outcome="failed", method="vm_stop", **where)  # type: ignore[arg-type]
    record(
        team,
        by=owner,
        action="tag.changed",
        subject="=cmd()",
        before={"name": "<b>old</b>", "color": "red"},
        after={"name": "=cmd()", "color": "red"},
    )
    record(team, by=None, action="account.stopped", subject=account.label, account=account.pk, thing="login")
    return list(AuditEntry.objects.order_by("sequence"))


def test_page_shows_actor_action_and_object(
    browser: Client, lines: list[AuditEntry], account: Account, owner: Membership
) -> None:
    page = browser.get(audit(owner)).content.decode()
    assert "Requested stop" in page
    assert "Finished stop" in page
    assert str(owner.user) in page
    assert "192.0.2.7" in page
    assert f'href="{reverse("server", args=[account.pk, int(lines[0].thing[3:])])}"' in page
    assert "&lt;b&gt;old&lt;/b&gt;" in page
    assert "<b>old</b>" not in page
    with translation.override("fr"):
        assert browser.get(audit(owner), headers={"Accept-Language": "fr"}).status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("group=operations", [1, 2]),
        ("group=desk", [3]),
        ("group=accounts", [4]),
        ("outcome=failed", [2]),
        ("who=sharedeck", [2, 4]),
        ("who=OWNER", [1, 3]),
        ("who=999999", []),
        ("account=ACCOUNT", [1, 2, 4]),
        ("account=ACCOUNT&thing=login", [4]),
        ("q=WEB", [1, 2]),
        ("q=EMAIL", [1, 3]),
        ("since=TODAY", [1, 2, 3, 4]),
        ("until=2001-01-01", []),
        ("since=2001-01-01&until=TODAY&group=desk", [3]),
        ("operation=5", []),
        ("q=%00", [1, 2, 3, 4]),
        ("since=nonsense&page=-1&sort=;drop&who=%FF&account=" + "9" * 40, []),
    ],
)
def test_audit_log_can_be_filtered(
    browser: Client, lines: list[AuditEntry], account: Account, owner: Membership, query: str, found: list[int]
) -> None:
    for name, value in (
        ("OWNER", owner.user_id),
        ("ACCOUNT", account.pk),
        ("EMAIL", owner.user.email),
        ("TODAY", timezone.localdate()),
    ):
        query = query.replace(name, str(value))
    response = browser.get(audit(owner, query))
    assert response.status_code == 200
    shown = [row.record.sequence for row in response.context["table"].paginated_rows]
    assert sorted(shown) == found


def test_narrowed_reader_sees_only_entries_of_their_accounts(lines: list[AuditEntry], account: Account) -> None:
    other = factories.account(account.team, label="Other")
    record(account.team, by=None, action="account.stopped", subject="Other", account=other.pk)
    reader = factories.member(Role.AUDITOR, of=account.team)
    Membership.objects.filter(pk=reader.pk).update(narrowed=True)
    reader.accounts.add(other)
    client = Client()
    client.force_login(reader.user)
    page = client.get(audit(reader)).content.decode()
    assert "Other" in page
    assert "web-1" not in page
    assert "Changed a tag" not in page
    assert account.label not in page
    entries = json.loads(body(client.get(audit(reader, "format=json"))))
    assert {entry["account_id"] for entry in entries} == {other.pk}


def test_audit_log_needs_the_permission_to_read_it(account: Account, lines: list[AuditEntry]) -> None:
    for role, status in ((Role.AUDITOR, 200), (Role.ADMIN, 200), (Role.OPERATOR, 403), (Role.VIEWER, 403)):
        client = Client()
        client.force_login(factories.member(role, of=account.team).user)
        assert client.get(reverse("team_audit", args=[account.team_id])).status_code == status
        page = client.get(reverse("login", args=[account.pk])).content.decode()
        assert ("View in audit log" in page) is (status == 200)
    client.force_login(factories.member().user)
    assert client.get(reverse("team_audit", args=[account.team_id])).status_code == 404


def test_audit_log_export_is_recorded_and_escapes_formulas(
    browser: Client, lines: list[AuditEntry], owner: Membership
) -> None:
    rows = list(csv.DictReader(io.StringIO(body(browser.get(audit(owner, "group=desk&format=csv"))))))
    assert [row["subject"] for row in rows] == ["'=cmd()"]
    assert json.loads(rows[0]["before"])["name"] == "<b>old</b>"
    entries = json.loads(body(browser.get(audit(owner, "format=json"))))
    assert [entry["sequence"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[0]["digest"] == lines[0].digest
    assert json.loads(body(browser.get(audit(owner, "q=nothing-like-it&format=json")))) == []
    assert actions(action__startswith="trail.") == ["trail.exported"] * 3
    assert verification.verify(owner.team_id).finding is None


def test_audit_log_page_uses_the_same_queries_for_any_length(
    browser: Client, lines: list[AuditEntry], account: Account, owner: Membership
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            browser.get(audit(owner))
        return len(asked)

    browser.get(audit(owner))
    few = queries()
    for number in range(60):
        vm = factories.vm(account)
        record(
            owner.team,
            by=owner,
            action="note.changed",
            subject=f"web-{number}",
            account=account.pk,
            thing=f"vm:{vm.remote_id}",
        )
    assert queries() == few
    page = browser.get(audit(owner, "page=2")).content.decode()
    assert "#1<" in page.replace("\n", "").replace(" ", "")


def test_member_page_shows_entries_by_and_about_the_member(
    browser: Client, lines: list[AuditEntry], account: Account, owner: Membership
) -> None:
    member = factories.member(Role.ADMIN, of=owner.team)
    members.change(member, Grant(Role.VIEWER), by=owner)
    record(owner.team, by=member, action="view.shared", subject="mine")
    page = browser.get(reverse("member", args=[owner.team_id, member.pk])).content.decode()
    assert escape("Changed a member's access") in page
    assert "Shared a view" in page
    assert "Changed a tag" not in page
    assert f"?who={member.user_id}" in page


def test_object_pages_show_their_audit_log_entries(
    browser: Client, lines: list[AuditEntry], account: Account, owner: Membership
) -> None:
    number = int(lines[0].thing[3:])
    page = browser.get(reverse("server", args=[account.pk, number])).content.decode()
    assert "Requested stop" in page
    assert audit(owner, f"account={account.pk}&amp;thing=vm%3A{number}") in page
    assert "Changed a tag" not in page
    assert "Suspended the account" in browser.get(reverse("login", args=[account.pk])).content.decode()
    product = factories.product(account)
    record(
        owner.team,
        by=owner,
        action="operation.hosting_account_product_renew",
        subject="shares",
        account=account.pk,
        thing=f"product:{product.remote_id}",
    )
    renew = browser.get(reverse("shares_renew", args=[account.pk, product.remote_id])).content.decode()
    assert "Requested renewal" in renew
    operation = factories.running_operation(account)
    conclude.move(operation, State.TRACKED, State.DONE)
    assert "Finished stop" in browser.get(reverse("operation", args=[account.pk, operation.pk])).content.decode()


def test_closed_console_says_why_and_how_long_it_was_open(owner: Membership) -> None:
    entry = AuditEntry(action="console.closed", detail={"reason": "idle", "seconds": 185})
    assert wording.action_words(entry) == "Closed the console"
    assert list(wording.more_words(entry)) == ["Nothing was typed for a while", "Open for 3 minutes"]
    entry.detail = {"reason": "unheard of", "seconds": 59}
    assert list(wording.more_words(entry)) == ["Open for less than a minute"]
