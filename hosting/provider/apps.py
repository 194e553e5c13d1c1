from django.apps import AppConfig


class ProviderConfig(AppConfig):
    name = "hosting.provider"
    label = "provider"
    verbose_name = "Hosting provider"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        """Read the scripted faults at once, so that a bad rule stops the start and not the hundredth call."""
        from hosting.provider.endpoint import scripted_faults  # noqa: PLC0415

        scripted_faults.from_settings().check()
