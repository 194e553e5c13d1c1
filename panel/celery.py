"""The panel's Celery application. Tasks live in `hosting.tasks`; rows in the database are the truth, not results."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")

app = Celery("sharedeck")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["hosting"])
