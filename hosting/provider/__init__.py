"""The bundled provider: the server side of the Hosting API.

A Django project of its own (settings, database, worker) that stands on the other side of the wire. It imports
nothing of the panel, and nothing of the panel imports it.
"""
