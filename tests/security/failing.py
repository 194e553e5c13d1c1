"""URLs whose views raise while they hold secrets; `test_logs` runs them in a separate process."""

from celery import shared_task
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from panel.urls import handler400, handler404, handler500

__all__ = ["handler400", "handler404", "handler500"]


@csrf_exempt
def breaks(request: HttpRequest, token: str = "") -> HttpResponse:
    secret = request.POST.get("password", "")
    held = {"password": secret, "of": request.POST}
    raise RuntimeError(f"{len(held)} things were held")


@shared_task(name="breaks")
def job(secret: str) -> None:
    held = [secret]
    raise RuntimeError(f"{len(held)} things were held")


urlpatterns = [path("breaks/", breaks), path("breaks/<str:token>/", breaks)]
