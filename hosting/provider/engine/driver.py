"""The driver that the settings name, made once in a process."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from hosting.provider.drivers.base import Driver


@cache
def driver() -> Driver:
    made: Driver = import_string(settings.PROVIDER_DRIVER)()
    return made
