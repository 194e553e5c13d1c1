"""Notes, one for each object. Their versions keep two people from overwriting each other unnoticed."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.annotations.models import Note, ObjectType
from hosting.operations.models.rejection import Rejected
from hosting.teams import names
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.rejection import invalid
from hosting.teams.roles import Permission

LONGEST = 4_000


class ChangedMeanwhile(Rejected):
    """Somebody else has changed the note since it was opened."""


def of_object(account: Account, object_type: ObjectType, remote_id: int) -> Note | None:
    """The note of an object with its last author; the text may be empty."""
    notes = Note.objects.filter(account=account, object_type=object_type, remote_id=remote_id)
    return notes.select_related("changed_by").first()


def write(
    account: Account, object_type: ObjectType, remote_id: int, text: str, *, version: int, name: str, by: Membership
) -> None:
    """Replace the note of the object `name` with `text`, if it is still at `version` (0: there was no note).

    The audit log says that the note was changed, not its text.

    Raises:
        NotAllowedError: the member's role does not allow it, or the account is not its team's.
        Invalid: the text is too long, or has invisible characters.
        ChangedMeanwhile: the note is no longer at `version`; nothing was changed.
    """
    by.require(Permission.OPERATE, account)
    with invalid("text"):
        text = names.checked_text(text, most=LONGEST)
    values = {"text": text, "changed_by": by.person, "changed_at": timezone.now()}
    place = {"account": account, "object_type": object_type, "remote_id": remote_id}
    try:
        with transaction.atomic():
            if version:
                notes = Note.objects.filter(**place, version=version)
                written = notes.update(version=version + 1, **values)
            else:
                written = bool(Note.objects.create(**place, **values))
            if written:
                versions.bump(account.pk)
                record(
                    by.team,
                    by=by,
                    action="note.changed",
                    subject=name,
                    account=account.pk,
                    thing=f"{object_type}:{remote_id}",
                )
    except IntegrityError:
        written = False
    if not written:
        raise ChangedMeanwhile(_("Someone else changed this note after you opened it. Your version wasn't saved."))
