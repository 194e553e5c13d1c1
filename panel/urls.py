from django.urls import URLPattern, URLResolver, include, path

from hosting.web.views.health import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health),
    path("auth/", include("allauth.account.urls")),
    path("", include("hosting.web.urls")),
]
