from django.urls import URLPattern, URLResolver, include, path

from hosting.web.views.health import health

handler400 = "hosting.web.answers.errors.bad_request"
handler403 = "hosting.web.answers.errors.forbidden"
handler404 = "hosting.web.answers.errors.not_found"
handler429 = "hosting.web.answers.errors.too_many"
handler500 = "hosting.web.answers.errors.failed"

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health, name="health"),
    path("", include("hosting.web.urls")),
    path("auth/", include("hosting.web.auth_urls")),
]
