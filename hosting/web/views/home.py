from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from hosting.web import queries
from hosting.web.pages import person_page
from hosting.web.scope import PersonRequest, signed_in


@require_safe
@signed_in
def home(request: PersonRequest) -> HttpResponse:
    """The first account's dashboard, or how to connect one."""
    accounts = queries.accounts_of(request.memberships)
    if accounts:
        return redirect("dashboard", accounts[0].pk)
    return person_page(request, "welcome", {"memberships": request.memberships}, section="home")
