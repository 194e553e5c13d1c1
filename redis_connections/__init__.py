"""Connections to Redis or Valkey that outlive its outages. The panel and the provider both use them, and they know
neither.

A server that refuses commands for now, such as one that became a replica or is out of memory, counts as lost: its
connection is closed, and callers see `redis.ConnectionError` as if the server were down.

Decision: docs/decisions/0033-refusals-are-lost-connections.md
"""
