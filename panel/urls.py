from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from hosting.web.views.health import health


def closed(_request: HttpRequest) -> HttpResponse:
    """An e-mail address is who somebody is here, and nothing proves it: nobody takes another one by themselves."""
    raise Http404


urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health),
    path("auth/email/", closed),
    path("auth/", include("allauth.account.urls")),
    path("", include("hosting.web.urls")),
]
