"""As short as the English format, so that date columns stay narrow."""

DATE_FORMAT = "j N Y"
