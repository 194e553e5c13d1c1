"""Tags of a team and the objects that have them. The provider is not involved, so changes take effect at once."""

from collections.abc import Iterable, Mapping, Sequence

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.annotations.models import Color, ObjectType, Tag, TagUse
from hosting.annotations.names import key_of
from hosting.operations.models.rejection import Invalid
from hosting.teams import names
from hosting.teams.audit.log import record
from hosting.teams.models import Membership, Team
from hosting.teams.rejection import invalid
from hosting.teams.roles import NotAllowedError, Permission

# Every list offers all tags as filters: more of them would not fit.
MOST = 100
LONGEST_NAME = 40
# The most objects of one bulk action.
MOST_OBJECTS = 5_000


def of_team(team_id: int) -> list[Tag]:
    """The tags of a team by name. One query."""
    return list(Tag.objects.filter(team=team_id))


def with_uses(by: Membership) -> "QuerySet[Tag]":
    """The tags of the member's team, each with the number of its objects (`count`) in accounts that the member sees."""
    seen = Q(uses__account__in=Account.objects.visible_to(by)) if by.narrowed else None
    return Tag.objects.visible_to(by).annotate(count=Count("uses", filter=seen))


def on_objects(
    account: Account, object_type: ObjectType, remote_ids: Iterable[int], among: Sequence[Tag]
) -> dict[int, list[Tag]]:
    """The tags of these objects by the provider's id, out of `among` and in its order. One query."""
    if not among:
        return {}
    known = {tag.pk: place for place, tag in enumerate(among)}
    found: dict[int, list[int]] = {}
    uses = TagUse.objects.filter(account=account, object_type=object_type, remote_id__in=list(remote_ids))
    for remote_id, tag_id in uses.values_list("remote_id", "tag_id"):
        if tag_id in known:
            found.setdefault(remote_id, []).append(known[tag_id])
    return {remote_id: [among[place] for place in sorted(places)] for remote_id, places in found.items()}


def of_object(account: Account, object_type: ObjectType, remote_id: int) -> list[Tag]:
    """The tags of one object by name."""
    uses = TagUse.objects.filter(account=account, object_type=object_type, remote_id=remote_id)
    return [use.tag for use in uses.select_related("tag").order_by("tag__key", "tag_id")]


def has_any(object_type: ObjectType, tag_ids: Sequence[int]) -> Exists:
    """A condition on mirror rows: the object has at least one of the tags."""
    uses = TagUse.objects.filter(
        account=OuterRef("account_id"), object_type=object_type, remote_id=OuterRef("remote_id"), tag__in=tag_ids
    )
    return Exists(uses)


def create(name: str, color: str, *, by: Membership) -> Tag:
    """Create a tag for the member's team.

    Raises:
        NotAllowedError: the member's role does not allow it.
        Invalid: an invalid name or colour, a name that is taken, or too many tags.
    """
    by.require(Permission.OPERATE)
    name = _checked(name, color)
    try:
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
            if Tag.objects.filter(team=by.team_id).count() >= MOST:
                raise Invalid(
                    _("Your team has reached the limit of %(most)d tags. Delete one first.") % {"most": MOST},
                    field="name",
                )
            tag = Tag.objects.create(team=by.team, name=name, key=key_of(name), color=color)
            # Locks every account before the audit log's chain, so that `put` needs no lock afterwards.
            _bump_versions(by.team)
            record(by.team, by=by, action="tag.created", subject=name, after={"name": name, "color": color})
    except IntegrityError:
        raise _taken(name) from None
    return tag


def change(tag: Tag, name: str, color: str, *, by: Membership) -> None:
    """Rename or recolour a tag; all objects keep it, in every account of the team.

    Raises:
        NotAllowedError, Invalid: as `create`; also when the role covers some accounts only.
    """
    _require_own(tag, by)
    by.require_for_all(Permission.OPERATE)
    name = _checked(name, color)
    try:
        with transaction.atomic():
            # Lock the team before the tag, as `put` does: updating the key blocks inserts of rows that refer to the
            # tag.
            Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
            before = Tag.objects.get(pk=tag.pk)
            Tag.objects.filter(pk=tag.pk).update(name=name, key=key_of(name), color=color)
            _bump_versions(by.team)
            record(
                by.team,
                by=by,
                action="tag.changed",
                subject=name,
                before={"name": before.name, "color": before.color},
                after={"name": name, "color": color},
            )
    except IntegrityError:
        raise _taken(name) from None


def delete(tag: Tag, *, by: Membership) -> None:
    """Delete a tag and remove it from all objects.

    Raises:
        NotAllowedError: the member's role does not allow it, or covers some accounts only.
    """
    _require_own(tag, by)
    by.require_for_all(Permission.OPERATE)
    with transaction.atomic():
        # So that `put` cannot add the tag to an object meanwhile.
        Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
        count = TagUse.objects.filter(tag=tag).delete()[0]
        if Tag.objects.filter(pk=tag.pk).delete()[0]:
            _bump_versions(by.team)
            before = {"name": tag.name, "color": tag.color}
            record(by.team, by=by, action="tag.deleted", subject=tag.name, before=before, uses=count)


def put(
    account: Account,
    object_type: ObjectType,
    objects: Mapping[int, str],
    *,
    on: Iterable[Tag] = (),
    off: Iterable[Tag] = (),
    new: tuple[str, str] | None = None,
    by: Membership,
) -> int:
    """Add tags to objects, given as names by id, and remove others. Returns how many were added or removed.

    `new` is the name and colour of a tag to create and add. Objects that already have a tag `on`, or lack a tag `off`,
    are left as they are.

    Raises:
        NotAllowedError: the member's role does not allow it, or the account or a tag is not its team's.
        Invalid: no object or too many; as `create` for a new tag.
    """
    on, off = list(on), list(off)
    for tag in (*on, *off):
        _require_own(tag, by)
    by.require(Permission.OPERATE, account)
    if not objects or len(objects) > MOST_OBJECTS:
        raise Invalid(_("Select 1 to %(most)d objects.") % {"most": MOST_OBJECTS})
    with transaction.atomic():
        # One change of tags at a time, so that the count is exact.
        Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
        if new:
            on.append(create(*new, by=by))
        kept = set(Tag.objects.filter(pk__in=[tag.pk for tag in on]).values_list("pk", flat=True))
        uses = TagUse.objects.filter(account=account, object_type=object_type, remote_id__in=list(objects))
        here = set(uses.filter(tag__in=kept).values_list("tag_id", "remote_id"))
        wanted = {(tag_id, remote_id) for tag_id in kept for remote_id in objects}
        missing = sorted(wanted - here)
        TagUse.objects.bulk_create(
            (
                TagUse(tag_id=tag_id, account=account, object_type=object_type, remote_id=remote_id)
                for tag_id, remote_id in missing
            ),
            batch_size=500,
        )
        gone = uses.filter(tag__in=[tag.pk for tag in off]).delete()[0]
        if missing or gone:
            versions.bump(account.pk)
            record(
                by.team,
                by=by,
                action="tags.put",
                subject=next(iter(objects.values())) if len(objects) == 1 else account.label,
                account=account.pk,
                thing=f"{object_type}:{next(iter(objects))}" if len(objects) == 1 else "",
                on=[tag.name for tag in on],
                off=[tag.name for tag in off],
                type=object_type,
                objects=sorted(objects),
            )
    return len(missing) + gone


def next_color(tags: Sequence[Tag]) -> str:
    """The least used colour of the palette."""
    used = [tag.color for tag in tags]
    return min(Color.values, key=used.count)


def _require_own(tag: Tag, by: Membership) -> None:
    by.require(Permission.OPERATE)
    if tag.team_id != by.team_id:
        raise NotAllowedError(Permission.OPERATE)


def _checked(name: str, color: str) -> str:
    with invalid("name"):
        name = names.checked(name, most=LONGEST_NAME)
    if color not in Color.values:
        raise Invalid(_("Choose one of these colours."), field="color")
    return name


def _taken(name: str) -> Invalid:
    return Invalid(_("Your team already has a tag named “%(name)s”."), names={"name": name}, field="name")


def _bump_versions(team: Team) -> None:
    """Refresh all pages of the team, since any of them may show the tag."""
    for account_id in team.accounts.order_by("pk").values_list("pk", flat=True):
        versions.bump(account_id)
