from allauth.usersessions import apps as usersessions
from django.apps import AppConfig


class HostingConfig(AppConfig):
    name = "hosting"
    verbose_name = "Sharedeck"
    default = True

    def ready(self) -> None:
        from hosting.web.access import sign_in_audit  # noqa: PLC0415 - models are loaded by now

        sign_in_audit.connect()


class UserSessionsConfig(usersessions.UserSessionsConfig):  # type: ignore[misc]
    """django-allauth's table of sessions without its receivers: `hosting.web.access.own_sessions` writes it."""

    def ready(self) -> None:
        pass
