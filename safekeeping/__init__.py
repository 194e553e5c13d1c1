"""What an installation keeps to itself: its files. The panel and the provider both use this, and it knows neither."""
