"""What people do from beginning to end, checked at the provider, which limits the rate of calls as it does anywhere."""
