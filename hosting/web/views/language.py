"""The choice of a language."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import check_for_language

from hosting.web.answers.following import next_page


def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language in a cookie, and go back to the page that the form names in `next`.

    Django's own view would follow a whole address of the requested host, too, and the Referer.
    """
    response = redirect(next_page(request, "/"))
    chosen = request.POST.get("language", "")
    if chosen and check_for_language(chosen):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            path=settings.LANGUAGE_COOKIE_PATH,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
    return response
