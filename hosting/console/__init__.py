"""The console process: the connections of everybody who is at the console of a server.

`manage.py console` runs it. The web server hands it connections that a view has let in (`web.answers.upgrade`). For
each it asks the provider for a ticket, connects to the address that it names, and passes bytes on in both directions.
It closes those whose person may not be there any more.

Decision: docs/decisions/0041-consoles-are-handed-over.md
"""
