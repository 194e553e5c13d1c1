"""Audit entries about a person's own sign-ins, written for each of their teams."""

from hosting.teams import names
from hosting.teams.audit.log import member_ref, write
from hosting.teams.models import Membership, User
from hosting.teams.rejection import invalid
from hosting.teams.request_origin import Origin


def record_for_person(
    user: User,
    action: str,
    *,
    via: Origin,
    before: object = None,
    after: object = None,
    outcome: str = "",
    **detail: object,
) -> None:
    """Write an entry to the audit log of each team that the person is in. Never pass a secret."""
    teams = Membership.objects.current().filter(user=user.pk).order_by("team_id")
    # Each in a transaction of its own, so that no writer holds the locks of two teams at once.
    for team_id in teams.values_list("team_id", flat=True):
        write(
            team_id,
            via=via,
            actor_id=user.pk,
            actor_name=str(user),
            action=action,
            subject=str(user),
            before=before,
            after=after,
            outcome=outcome,
            detail=detail,
        )


def record_failed_sign_in(user_id: int, address: str, attempts: int) -> None:
    """Record failed sign-ins with a person's address. The actor is unknown."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return
    teams = Membership.objects.current().filter(user=user_id).order_by("team_id")
    for team_id in teams.values_list("team_id", flat=True):
        write(
            team_id,
            via=Origin(address=address),
            actor_id=None,
            actor_name="",
            action="person.sign_in_failed",
            subject=str(user),
            thing=member_ref(user_id),
            outcome="failed",
            detail={"attempts": attempts},
        )


def rename(user: User, name: str, *, via: Origin) -> None:
    """Rename a person. Audit entries name their actors, so the audit log of each of their teams records it.

    Raises:
        Invalid: the name has invisible characters or a web address, or is that of the panel.
    """
    with invalid("name"):
        name = names.checked(name, names.IN_MAIL, most=names.LONGEST_OF_PERSON, blank=True)
    before, user.name = User.objects.values_list("name", flat=True).get(pk=user.pk), name
    if before == name:
        return
    User.objects.filter(pk=user.pk).update(name=name)
    record_for_person(user, "person.renamed", via=via, before={"name": before}, after={"name": name})
