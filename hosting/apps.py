from django.apps import AppConfig


class HostingConfig(AppConfig):
    name = "hosting"
    verbose_name = "Sharedeck"

    def ready(self) -> None:
        from hosting.web import sign_in_trail  # noqa: PLC0415 - models are loaded by now

        sign_in_trail.connect()
