"""The panel's Celery application. Tasks live in `hosting.tasks`; rows in the database are the truth, not results."""

import os

from celery import Celery
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")

# A worker that loses its broker with jobs in its hands would try to give them back to it, and end over that (kombu 5).
# Nothing is lost with them: the rows say what is due.
Channel.do_restore = False

app = Celery("sharedeck")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["hosting"])
