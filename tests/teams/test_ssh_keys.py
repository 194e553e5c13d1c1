"""Public SSH keys of people and teams: which are taken, what is said of the others, and who sees and changes them."""

import base64
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.provider.rules import public_keys as at_the_provider
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.rejection import Invalid
from hosting.teams.request_origin import NO_ORIGIN, Origin
from hosting.teams.roles import NotAllowedError, Role
from hosting.teams.ssh_keys import managing, public_keys
from hosting.teams.ssh_keys.models import SshKey
from tests import factories
from tests.fuzzing import examples
from tests.provider.rules.test_public_keys import ED25519, REFUSED, SHORT_RSA, TAKEN

# As `ssh-keygen -l` printed their fingerprints.
PRINTED = {
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMOBVJyo5M+u9kxN/heu9YoEn1Noip9eXNBdq9GI4w/r": (
        "SHA256:oq1TsZwRjraVd57e88Gqv1WA+Kep2yUgYVmHV//h2sw"
    ),
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFQ71hXEk4k+QiNLam8oboES+8R+NcFSryLV0HJXHq"
    "5ubNgeekMpwcY3cJSEyULbpQAfAGU107uXrrv6Yhjm2Y8=": "SHA256:Kh7XK/2NheF/olGpzYMNSMv5u/Maxmhch0qsNFIVv+4",
}
PRIVATE = {
    "OpenSSH": "-----BEGIN OPENSSH PRIVATE KEY-----\nplanted\n-----END OPENSSH PRIVATE KEY-----",
    "PKCS 8": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nplanted",
    "PuTTY": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\nplanted",
}


@pytest.mark.parametrize("line", PRINTED)
def test_fingerprints_are_those_of_ssh_keygen(line: str) -> None:
    assert public_keys.read(line).fingerprint == PRINTED[line]
    assert public_keys.fingerprint_of(f"{line} me@laptop") == PRINTED[line]


@pytest.mark.parametrize("name", TAKEN)
def test_keys_of_every_type_are_read_with_their_comment(name: str) -> None:
    kind, body = TAKEN[name].split()
    read = public_keys.read(f"  {TAKEN[name]}  me@example.org on  a laptop\r\n")
    assert (read.kind, read.body, read.comment) == (kind, body, "me@example.org on a laptop")
    assert public_keys.read(TAKEN[name]).comment == ""


# What people's browsers add or lose around a line does no harm here.
@pytest.mark.parametrize(
    "name", [name for name in REFUSED if name not in {"space in front", "end of line", "two spaces"}]
)
def test_what_the_provider_refuses_is_refused_without_repeating_it(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        public_keys.read(REFUSED[name])
    said = " ".join(refused.value.messages)
    assert not [word for word in REFUSED[name].split() if len(word) > 20 and word in said]


SAID = {
    "": "Paste a public key.",
    "hello": "That isn't a public key.",
    f"no-pty {ED25519}": "Remove what comes before the type",
    f"{ED25519}\n{ED25519}": "one public key, on one line",
    ED25519[:-6]: "incomplete or damaged",
    SHORT_RSA: "one of 2048 bits or more",
    f"{ED25519} {'x' * 8192}": "too long",
    "ssh-dss AAAA": "DSA keys are no longer secure",
    f"{ED25519} a\u202eb": "U+202E",
}


def test_refusal_says_what_to_correct() -> None:
    for text, said in SAID.items():
        with pytest.raises(ValidationError) as refused:
            public_keys.read(text)
        assert said in refused.value.messages[0]


@settings(max_examples=examples(300))
@given(
    name=st.sampled_from(sorted(TAKEN)), start=st.integers(0, 2000), cut=st.integers(0, 40), put=st.binary(max_size=40)
)
def test_whatever_is_pasted_is_read_or_refused_and_the_provider_takes_what_is_read(
    name: str, start: int, cut: int, put: bytes
) -> None:
    kind, encoded = TAKEN[name].split()
    blob = base64.b64decode(encoded)
    start %= len(blob)
    line = f"{kind} {base64.b64encode(blob[:start] + put + blob[start + cut :]).decode()}"
    try:
        read = public_keys.read(line)
    except ValidationError:
        return
    at_the_provider.check(f"{read.kind} {read.body}")


@pytest.mark.parametrize("kind", PRIVATE)
def test_private_key_is_recognised(kind: str) -> None:
    with pytest.raises(ValidationError) as refused:
        public_keys.read(PRIVATE[kind])
    assert refused.value.code == public_keys.PRIVATE
    assert refused.value.messages[0].startswith("That is a private key.")


@pytest.fixture
def owner(db: None) -> Membership:
    return factories.member()


def test_key_without_a_name_gets_that_of_its_comment(owner: Membership) -> None:
    key = managing.add_own("", f"{ED25519} me@laptop", user=owner.user, via=NO_ORIGIN)
    assert (key.name, key.line) == ("me@laptop", f"{ED25519} me@laptop")
    with pytest.raises(Invalid) as nameless:
        managing.add_to_team("", ED25519, by=owner)
    assert nameless.value.field == "name"


def test_same_key_twice_is_refused_with_the_name_of_the_first(owner: Membership) -> None:
    managing.add_own("laptop", ED25519, user=owner.user, via=NO_ORIGIN)
    with pytest.raises(Invalid, match="laptop") as twice:
        managing.add_own("other", f"{ED25519} another comment", user=owner.user, via=NO_ORIGIN)
    assert twice.value.field == "public_key"
    # A team and other people may have it too.
    managing.add_to_team("shared", ED25519, by=owner)
    managing.add_own("mine", ED25519, user=factories.user(), via=NO_ORIGIN)
    assert SshKey.objects.count() == 3


def test_number_of_keys_is_limited(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managing, "MOST", 1)
    managing.add_to_team("one", factories.public_key(), by=owner)
    with pytest.raises(Invalid, match="no room for more"):
        managing.add_to_team("two", factories.public_key(), by=owner)


def test_members_are_offered_their_own_keys_and_the_teams_each_once(owner: Membership) -> None:
    mine = factories.ssh_key(owner.user, "mine")
    factories.ssh_key(owner.team, "the same", line=mine.line)
    teams = factories.ssh_key(owner.team, "team")
    other = factories.member(Role.OPERATOR, of=owner.team)
    theirs = factories.ssh_key(other.user, "theirs")
    factories.ssh_key(factories.team(), "of strangers")
    assert managing.offered_to(owner) == [mine, teams]
    assert [key.name for key in managing.offered_to(other)] == [theirs.name, "the same", "team"]


def test_missing_keys_are_those_that_nobody_in_the_team_has(owner: Membership) -> None:
    mine, teams = factories.ssh_key(owner.user), factories.ssh_key(owner.team)
    strangers = factories.ssh_key(factories.member().user)
    asked = [mine.fingerprint, teams.fingerprint, strangers.fingerprint]
    assert managing.missing(asked, owner.team_id) == {strangers.fingerprint}
    assert managing.missing([], owner.team_id) == set()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING, Role.ADMIN, Role.AUDITOR])
def test_members_who_do_not_run_servers_change_no_team_key(owner: Membership, role: Role) -> None:
    member, key = factories.member(role, of=owner.team), factories.ssh_key(owner.team)
    with pytest.raises(NotAllowedError):
        managing.add_to_team("planted", ED25519, by=member)
    with pytest.raises(NotAllowedError):
        managing.remove_from_team(key, by=member)
    assert list(SshKey.objects.all()) == [key]


def test_narrowed_roles_and_tokens_change_no_team_key(owner: Membership) -> None:
    narrowed = factories.member(Role.OPERATOR, of=owner.team, narrowed=True)
    with pytest.raises(NotAllowedError):
        managing.add_to_team("planted", ED25519, by=narrowed)
    owner.via = Origin(token_id=factories.token(owner).pk)
    with pytest.raises(NotAllowedError):
        managing.add_to_team("planted", ED25519, by=owner)
    assert not SshKey.objects.exists()


def test_audit_log_says_who_planted_and_removed_a_key(owner: Membership) -> None:
    key = managing.add_to_team("deploy", ED25519, by=owner)
    assert key.added_by == owner.user
    managing.remove_from_team(key, by=owner)
    managing.remove_from_team(key, by=owner)
    own = managing.add_own("laptop", ED25519, user=owner.user, via=NO_ORIGIN)
    managing.remove_own(own, user=owner.user, via=NO_ORIGIN)
    said = {"name": "deploy", "fingerprint": key.fingerprint, "type": "ssh-ed25519"}
    mine = {**said, "name": "laptop"}
    assert [
        (entry.action, entry.actor, entry.before, entry.after)
        for entry in AuditEntry.objects.filter(action__contains="ssh_key").order_by("sequence")
    ] == [
        ("ssh_key.added", owner.user, None, said),
        ("ssh_key.removed", owner.user, said, None),
        ("person.ssh_key_added", owner.user, None, mine),
        ("person.ssh_key_removed", owner.user, mine, None),
    ]
    assert not SshKey.objects.exists()


def test_strangers_keys_are_not_removed(owner: Membership) -> None:
    stranger = factories.member()
    own, teams = factories.ssh_key(stranger.user), factories.ssh_key(stranger.team)
    managing.remove_own(own, user=owner.user, via=NO_ORIGIN)
    managing.remove_from_team(teams, by=owner)
    assert SshKey.objects.count() == 2


def test_keys_go_with_their_person_and_team(owner: Membership) -> None:
    other = factories.member(Role.OPERATOR, of=owner.team)
    factories.ssh_key(other.user)
    planted = factories.ssh_key(owner.team, by=other.user)
    other.user.delete()
    planted.refresh_from_db()
    assert (list(SshKey.objects.all()), planted.added_by) == ([planted], None)
    owner.team.delete()
    assert not SshKey.objects.exists()


def test_key_belongs_to_a_person_or_to_a_team(owner: Membership) -> None:
    key = factories.ssh_key(owner.user)
    for user, team in ((None, None), (owner.user, owner.team)):
        with pytest.raises(IntegrityError), transaction.atomic():
            SshKey.objects.filter(pk=key.pk).update(user=user, team=team)


def test_use_is_noted_on_the_keys_of_the_requester_and_the_team(owner: Membership) -> None:
    now = timezone.now() + timedelta(minutes=1)
    mine, teams = factories.ssh_key(owner.user), factories.ssh_key(owner.team)
    unused = factories.ssh_key(owner.team)
    others = factories.ssh_key(factories.user(), line=mine.line)
    managing.mark_used([mine.fingerprint, teams.fingerprint], team_id=owner.team_id, user_id=owner.user_id, at=now)
    used = {key.pk: key.last_used_at for key in SshKey.objects.all()}
    assert used == {mine.pk: now, teams.pk: now, unused.pk: None, others.pk: None}
