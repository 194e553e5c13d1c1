"""Saved views: the filters and order of a list under a name. A view holds only what the list's address holds."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.annotations.models import SavedView
from hosting.annotations.names import key_of
from hosting.operations.models.rejection import Invalid
from hosting.teams import names
from hosting.teams.audit.log import record
from hosting.teams.models import Membership, Team
from hosting.teams.rejection import invalid
from hosting.teams.roles import NotAllowedError, Permission

# Views of one person for one list.
MOST = 20
LONGEST_NAME = 40
LONGEST_QUERY = 1_000

# The lists and the parameters of their addresses. A view does not include the page number.
PARAMETERS: Mapping[str, frozenset[str]] = {
    "servers": frozenset({"q", "state", "tag", "sort"}),
    "disks": frozenset({"q", "state", "tag", "sort"}),
    "shares": frozenset({"sort"}),
    "operations": frozenset({"q", "state", "sort"}),
    "changes": frozenset({"q", "state", "sort"}),
}


def of_list(section: str, *, by: Membership) -> list[SavedView]:
    """The views of a list that the member sees, by name: first their own, then those that others share."""
    views = SavedView.objects.visible_to(by).filter(section=section).select_related("owner")
    return sorted(views, key=lambda view: view.owner_id != by.user_id)


def save(section: str, name: str, query: str, *, shared: bool, by: Membership) -> SavedView:
    """Save a list's query under a name, for the member or for their team.

    Raises:
        NotAllowedError: the member may not see the lists.
        Invalid: an unknown list or parameter, an empty query, a name that is taken, too many views, or a team token
            without a person to own the view.
    """
    by.require(Permission.VIEW)
    if by.person is None:
        raise Invalid(_("Team tokens can't save views. Use a personal token."))
    with invalid("name"):
        name = names.checked(name, most=LONGEST_NAME)
    _check(section, query)
    try:
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
            own = SavedView.objects.filter(team=by.team_id, section=section, owner=by.user_id)
            if own.count() >= MOST:
                raise Invalid(
                    _("You've reached the limit of %(most)d views for this list. Delete one first.") % {"most": MOST}
                )
            view = SavedView.objects.create(
                team=by.team,
                owner=by.person,
                section=section,
                name=name,
                key=key_of(name),
                query=query,
                shared=shared,
            )
            _bump_versions(view)
            if shared:
                after = {"query": query}
                record(by.team, by=by, action="view.shared", subject=name, after=after, section=section)
    except IntegrityError:
        raise Invalid(
            _("You already have a view named “%(name)s” for this list."), names={"name": name}, field="name"
        ) from None
    return view


def may_delete(view: SavedView, *, by: Membership) -> bool:
    """Whether the member may delete a view: their own, or a shared one if they manage people."""
    return view.team_id == by.team_id and (
        view.owner_id == by.user_id or (view.shared and by.may_for_all(Permission.MANAGE_PEOPLE))
    )


def delete(view: SavedView, *, by: Membership) -> None:
    """Delete a view.

    Raises:
        NotAllowedError: the view is somebody else's, and the member does not manage people.
    """
    if not may_delete(view, by=by):
        raise NotAllowedError(Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        if SavedView.objects.filter(pk=view.pk).delete()[0]:
            _bump_versions(view)
            if view.shared:
                before = {"query": view.query}
                record(by.team, by=by, action="view.deleted", subject=view.name, before=before, section=view.section)


def _check(section: str, query: str) -> None:
    if section not in PARAMETERS or len(query) > LONGEST_QUERY:
        raise Invalid(_("This view can't be saved because its address isn't a list. Open a list and try again."))
    given = parse_qsl(query, keep_blank_values=True)
    if not given:
        raise Invalid(_("Nothing to save yet. Search, filter or sort the list first."))
    if not {parameter for parameter, _value in given} <= PARAMETERS[section]:
        raise Invalid(_("This view can't be saved because its address isn't a list. Open a list and try again."))


def _bump_versions(view: SavedView) -> None:
    """Refresh the lists of all the team's accounts, which show the view."""
    for account_id in view.team.accounts.order_by("pk").values_list("pk", flat=True):
        versions.bump(account_id)
