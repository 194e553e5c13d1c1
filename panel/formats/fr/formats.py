"""As short as in English, so that a column of dates stays narrow."""

DATE_FORMAT = "j N Y"
