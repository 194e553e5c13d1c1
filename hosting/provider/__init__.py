"""The bundled provider: the server side of the Hosting API.

A Django project of its own (settings, database, worker). It imports nothing of the panel, and the panel imports
nothing of it. It runs as three processes:

    gunicorn -c python:hosting.provider.serving hosting.provider.wsgi --bind 127.0.0.1:8010
    celery -A hosting.provider.celery worker --pool threads --concurrency 4
    manage.py provider_console --settings hosting.provider.settings

after `manage.py prepare_provider --settings hosting.provider.settings`, which migrates its database and
fills an empty one with demo data. Where to look:

    endpoint/   HTTP: size, rate limit, logins, scripted faults
    methods/    the API's methods and their registry: arity, types, checks
    console/    tickets for consoles of VMs, and the process that serves them
    rules/      chosen numbers and patterns, validation, quota, prices
    engine/     runs operations through a driver, and applies their results
    drivers/    the simulated driver; one for a hypervisor would go here
    wire        XML-RPC in and out
    faults      codes and texts of faults
    ledger      money, in double entry
"""
