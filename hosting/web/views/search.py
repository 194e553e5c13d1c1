"""The search in all accounts."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hosting.reading.search import everywhere
from hosting.web.access.scope import PersonRequest, signed_in
from hosting.web.pages.render import person_page


@require_safe
@signed_in
def search(request: PersonRequest) -> HttpResponse:
    """Search servers, disks and operations in all accounts that the person may see."""
    words = request.GET.get("q", "").strip()[:255]
    return person_page(request, "search", {"q": words, "found": everywhere(words, request.memberships)})
