"""The health check."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from hosting.accounts import pulse


@require_safe
def health(_request: HttpRequest) -> HttpResponse:
    """200 when the panel can read its database and its workers run; for process managers and load balancers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if since := pulse.silent_since():
        return HttpResponse(
            f"The workers have not run since {since:%H:%M:%S} UTC.\n", status=503, content_type="text/plain"
        )
    return HttpResponse("ok", content_type="text/plain")
