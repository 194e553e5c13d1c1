"""What an installation keeps to itself: its secrets, its files, and the keys of sessions.

The panel and the provider both use this, and it knows neither.
"""
