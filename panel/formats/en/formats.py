"""The day first, the month as a word: read alike on both sides of the Atlantic."""

DATE_FORMAT = "j M Y"
