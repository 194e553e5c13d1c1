"""The start page after signing in."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from hosting.reading import queries
from hosting.teams.people import acceptance, links
from hosting.teams.roles import Permission
from hosting.web.access.scope import PersonRequest, signed_in
from hosting.web.pages.render import person_page


@require_safe
@signed_in
def home(request: PersonRequest) -> HttpResponse:
    """The first account's dashboard, or how to connect one, or how to get into a team."""
    accounts = queries.accounts_of(request.memberships)
    if accounts:
        return redirect("dashboard", accounts[0].pk)
    members = request.memberships
    context = {
        "memberships": members,
        "may_connect": any(member.may_for_all(Permission.MANAGE_ACCOUNTS) for member in members),
        "invited": [] if members else [(one, links.path_to(one)) for one in acceptance.open_to(request.user)],
    }
    return person_page(request, "welcome", context, section="home")
