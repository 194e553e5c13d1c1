"""As short as in English, so that a column of dates stays narrow."""

DATE_FORMAT = "j N Y"
SHORT_DATE_FORMAT = "j N Y"
SHORT_DATETIME_FORMAT = "j N Y, H:i"
