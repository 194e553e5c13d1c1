"""Without a server of PostgreSQL there are no such tests."""

from tests import databases

collect_ignore_glob = [] if databases.on_postgresql() else ["test_*.py"]
