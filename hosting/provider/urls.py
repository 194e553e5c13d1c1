from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path

from hosting.provider.endpoint.staff_sign_in import StaffSignIn
from hosting.provider.endpoint.view import xmlrpc

admin.site.login_form = StaffSignIn

ABOUT = """\
This is a provider of the Hosting API, version 1.

The API (XML-RPC over POST):  /xmlrpc/
For the provider's staff:     /admin/
"""


def about(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ABOUT, content_type="text/plain; charset=utf-8")


def health(request: HttpRequest) -> HttpResponse:
    """`ok` when the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


urlpatterns: list[URLPattern | URLResolver] = [
    path("", about),
    path("health", health),
    path("xmlrpc/", xmlrpc),
    path("admin/", admin.site.urls),
]
