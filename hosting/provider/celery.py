"""The provider's Celery application. Its one task runs operations; rows in the database are the truth."""

import os

from celery import Celery

from hosting.provider.engine.ticker import Ticker

# Not `setdefault`: this module serves one project, whatever the surrounding process was started for.
os.environ["DJANGO_SETTINGS_MODULE"] = "hosting.provider.settings"
# `prepare_provider` runs the system checks; a worker starts more quickly without them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

app = Celery("sharedeck-provider", amqp="redis_connections.broker:AMQP")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["hosting.provider"])
app.steps["worker"].add(Ticker)
