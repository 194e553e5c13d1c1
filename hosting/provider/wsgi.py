import os

from django.core.wsgi import get_wsgi_application

from safekeeping.databases import given_back

# Not `setdefault`: this module serves one project, whatever the surrounding process was started for.
os.environ["DJANGO_SETTINGS_MODULE"] = "hosting.provider.settings"

application = given_back(get_wsgi_application())
