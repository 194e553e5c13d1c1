"""The panel's Celery application. Tasks live in `hosting.tasks`; rows in the database are the truth, not results.

Decision: docs/decisions/0011-jobs-are-hints.md
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
# `prepare` runs the system checks. Here they would load every page, which workers never serve: 10 MB for each of them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

app = Celery("sharedeck", amqp="redis_connections.broker:AMQP", task_cls="hosting.accounts.pulse:RecordedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["hosting"])
