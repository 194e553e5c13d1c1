"""The tests that `make test-postgres` runs on PostgreSQL and Redis, and those of what holds there alone."""
