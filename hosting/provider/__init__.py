"""The bundled provider: the server side of the Hosting API.

A Django project of its own (settings, database, worker) that stands on the other side of the wire. It imports
nothing of the panel, and nothing of the panel imports it. It runs as two processes:

    gunicorn -c python:hosting.provider.serving hosting.provider.wsgi --bind 127.0.0.1:8010
    celery -A hosting.provider.celery worker --pool threads --concurrency 4

after `manage.py prepare_provider --settings hosting.provider.settings`, which migrates its database and
fills an empty one with a demonstration. Where to look:

    endpoint    HTTP: size, rate limit, scripted faults      wire        XML-RPC in and out
    registry    the table of methods, arity and types        methods/    what each one checks and accepts
    rules       every number and pattern that was chosen     faults      codes and texts
    capacity    shares and quota, from rows (quota: pure)    products    prices and terms
    ledger      money, in double entry                       projection  what open operations will leave
    engine      runs operations through a driver             effects     what their end changes
    drivers/    simulated; a hypervisor's would go here      ticker      the worker's clock
"""
