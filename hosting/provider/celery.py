"""The provider's Celery application. Its one task runs operations; rows in the database are the truth."""

import os

from celery import Celery
from kombu.transport.redis import Channel

from hosting.provider.ticker import Ticker

# Not `setdefault`: this module serves one project, whatever the surrounding process was started for.
os.environ["DJANGO_SETTINGS_MODULE"] = "hosting.provider.settings"

# A worker that loses its broker with jobs in its hands would try to give them back to it, and end over that (kombu 5).
# Nothing is lost with them: the rows say what is due.
Channel.do_restore = False

app = Celery("sharedeck-provider")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["hosting.provider"])
app.steps["worker"].add(Ticker)
