"""What an installation keeps to itself: its secrets, its files, its databases, and the keys of sessions.

The panel and the provider both use this, and it knows neither.
"""
