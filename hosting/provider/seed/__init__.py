"""Data for demonstrations, tests and measurements."""

from hosting.provider.seed.demo import PASSWORD, RESELLER, add_handle, seed_demo
from hosting.provider.seed.fleet import seed_fleet
from hosting.provider.seed.usage import seed_usage

__all__ = ["PASSWORD", "RESELLER", "add_handle", "seed_demo", "seed_fleet", "seed_usage"]
