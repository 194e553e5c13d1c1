from django.apps import AppConfig


class HostingConfig(AppConfig):
    name = "hosting"
    verbose_name = "Sharedeck"

    def ready(self) -> None:
        from hosting.web.access import sign_in_audit  # noqa: PLC0415 - models are loaded by now

        sign_in_audit.connect()
