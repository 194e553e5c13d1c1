"""Add and remove public SSH keys, of a person and of a team, and say which ones a member can give to a new server.

A person's own keys are offered to them alone. A team's keys are offered to all of its members who run servers, and
changed by those who do so for the whole team: whoever plants a key there gets into the servers of others, so that it is
in the audit log, and the key shows who added it.

Decision: docs/decisions/0044-ssh-keys-and-first-boot.md
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from hosting.teams import names
from hosting.teams.audit.log import record, team_ref
from hosting.teams.audit.sign_ins import record_for_person
from hosting.teams.models import Membership, User
from hosting.teams.people.membership_rules import lock_team
from hosting.teams.rejection import Invalid, invalid
from hosting.teams.request_origin import Origin
from hosting.teams.roles import NotAllowedError, Permission
from hosting.teams.ssh_keys import public_keys
from hosting.teams.ssh_keys.models import LONGEST_NAME, SshKey

# The most keys of one person, or of one team; and the most that one server takes (contract, Extensions).
MOST = 50
MOST_ON_A_SERVER = 20


def of_person(user: User) -> QuerySet[SshKey]:
    return SshKey.objects.filter(user=user.pk)


def of_team(team_id: int) -> QuerySet[SshKey]:
    return SshKey.objects.filter(team=team_id).select_related("added_by")


def offered_to(member: Membership) -> list[SshKey]:
    """The keys that the member can give to a new server: their own, then the team's, each key once. One query."""
    own = Q(user=member.user_id) if member.person else Q(pk=None)
    found = SshKey.objects.filter(own | Q(team=member.team_id)).select_related("added_by")
    by_fingerprint: dict[str, SshKey] = {}
    for key in found.order_by(F("user").asc(nulls_last=True), "id"):
        by_fingerprint.setdefault(key.fingerprint, key)
    return list(by_fingerprint.values())


def missing(fingerprints: Iterable[str], team_id: int) -> set[str]:
    """Those keys that neither the team nor one of its members has any more."""
    wanted = set(fingerprints)
    if not wanted:
        return set()
    there = Q(team=team_id) | Q(user__memberships__team=team_id)
    return wanted.difference(SshKey.objects.filter(there, fingerprint__in=wanted).values_list("fingerprint", flat=True))


def add_own(name: str, text: str, *, user: User, via: Origin) -> SshKey:
    """Add a key of a person. Without a name it has that of its comment.

    Raises:
        Invalid: what is wrong with `name` or `public_key`, or which key is there already.
    """
    key = _read(name, text)
    key.user = key.added_by = user
    _save(key, of_person(user))
    record_for_person(user, "person.ssh_key_added", via=via, after=_as_json(key))
    return key


def remove_own(key: SshKey, *, user: User, via: Origin) -> None:
    """Remove a key of a person. Servers that have it keep it."""
    if of_person(user).filter(pk=key.pk).delete()[0]:
        record_for_person(user, "person.ssh_key_removed", via=via, before=_as_json(key))


def require_may_change(by: Membership) -> None:
    """Require what is needed to change the keys of a team: to be a person who runs servers in all of its accounts.

    Raises:
        NotAllowedError: the member may not, or not in all of them, or is a token.
    """
    if by.person is None or by.via.token_id is not None:
        raise NotAllowedError(Permission.OPERATE)
    by.require_for_all(Permission.OPERATE)


def add_to_team(name: str, text: str, *, by: Membership) -> SshKey:
    """Add a key of the team, as `add_own`.

    Raises:
        NotAllowedError: the member may not change the team's keys.
        Invalid: as `add_own`.
    """
    key = _read(name, text)
    key.team, key.added_by = by.team, by.person
    with transaction.atomic():
        lock_team(by)
        require_may_change(by)
        _save(key, of_team(by.team_id))
        record(
            by.team, by=by, action="ssh_key.added", subject=key.name, thing=team_ref(by.team_id), after=_as_json(key)
        )
    return key


def remove_from_team(key: SshKey, *, by: Membership) -> None:
    """Remove a key of the team. Servers that have it keep it.

    Raises:
        NotAllowedError: the member may not change the team's keys.
    """
    with transaction.atomic():
        lock_team(by)
        require_may_change(by)
        if SshKey.objects.filter(team=by.team_id, pk=key.pk).delete()[0]:
            thing, before = team_ref(by.team_id), _as_json(key)
            record(by.team, by=by, action="ssh_key.removed", subject=key.name, thing=thing, before=before)


def mark_used(fingerprints: Iterable[str], *, team_id: int, user_id: int | None, at: datetime) -> None:
    """Note that a server was created with these keys, each by itself: no row of them waits for another one."""
    own = Q(user=user_id) if user_id else Q(pk=None)
    used = SshKey.objects.filter(own | Q(team=team_id), fingerprint__in=list(fingerprints))
    for pk in used.values_list("pk", flat=True):
        SshKey.objects.filter(pk=pk).update(last_used_at=at)


def _read(name: str, text: str) -> SshKey:
    with invalid("public_key"):
        read = public_keys.read(text)
    with invalid("name"):
        name = names.checked(name or read.comment[:LONGEST_NAME], names.OF_ACTOR, most=LONGEST_NAME)
    return SshKey(name=name, kind=read.kind, public_key=read.body, comment=read.comment, fingerprint=read.fingerprint)


def _save(key: SshKey, beside: QuerySet[SshKey]) -> None:
    """Save a new key, unless it is among those beside it."""
    try:
        with transaction.atomic():
            if beside.count() >= MOST:
                raise Invalid(_("There is no room for more keys here. Remove one first."))
            _require_new(key, beside)
            key.save(force_insert=True)
    except IntegrityError:
        _require_new(key, beside)
        raise


def _require_new(key: SshKey, beside: QuerySet[SshKey]) -> None:
    there = beside.filter(fingerprint=key.fingerprint).first()
    if there is not None:
        raise Invalid(_("This key is already here, as “%(name)s”."), names={"name": there.name}, field="public_key")


def _as_json(key: SshKey) -> dict[str, str]:
    """The key for the audit log."""
    return {"name": key.name, "fingerprint": key.fingerprint, "type": key.kind}
