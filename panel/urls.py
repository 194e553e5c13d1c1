from django.urls import URLPattern, URLResolver, include, path

from hosting.web.views.health import health

handler400 = "hosting.web.errors.bad_request"
handler403 = "hosting.web.errors.forbidden"
handler404 = "hosting.web.errors.not_found"
handler429 = "hosting.web.errors.too_many"
handler500 = "hosting.web.errors.failed"

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health, name="health"),
    path("", include("hosting.web.urls")),
    path("auth/", include("hosting.web.auth_urls")),
]
