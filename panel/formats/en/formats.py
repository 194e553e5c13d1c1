"""Day first and month as a word, which British and American readers both understand."""

DATE_FORMAT = "j M Y"
