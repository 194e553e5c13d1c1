import os

from django.core.wsgi import get_wsgi_application

from panel.turns import one_at_a_time
from safekeeping.databases import given_back

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")

application = one_at_a_time(given_back(get_wsgi_application()))
