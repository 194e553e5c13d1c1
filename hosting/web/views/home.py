from django.http import HttpResponse
from django.shortcuts import redirect

from hosting.teams.models import Membership
from hosting.web import queries
from hosting.web.pages import person_page
from hosting.web.scope import PersonRequest, signed_in


@signed_in
def home(request: PersonRequest) -> HttpResponse:
    """The first account's dashboard, or how to connect one."""
    accounts = queries.accounts_of(request.user)
    if accounts:
        return redirect("dashboard", accounts[0].pk)
    memberships = Membership.objects.filter(user=request.user).select_related("team")
    return person_page(request, "welcome", {"memberships": memberships}, section="home")
