from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from hosting.web.views.health import health


def closed(_request: HttpRequest) -> HttpResponse:
    """An e-mail address is who somebody is here, and nothing proves it: nobody takes another one by themselves."""
    raise Http404


handler400 = "hosting.web.errors.bad_request"
handler403 = "hosting.web.errors.forbidden"
handler404 = "hosting.web.errors.not_found"
handler429 = "hosting.web.errors.too_many"
handler500 = "hosting.web.errors.failed"

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health, name="health"),
    path("auth/email/", closed, name="account_email"),
    path("auth/", include("allauth.account.urls")),
    path("", include("hosting.web.urls")),
]
