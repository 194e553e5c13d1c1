"""Consoles of guests by WebSocket: tickets from the API, and the process that serves them (`server`).

    tickets   let one connection in, kept in Redis
    guests    what the rows say of a VM whose console is wanted
    output    what a guest printed last, for viewers of any pace
    threads   calls that may block for long, away from the event loop
    shared    the one stream of a guest that all its viewers share
    hub       the consoles that are open in this process
    viewer    one connection: output to it, input from it
    server    HTTP and WebSocket

Methods of the API import `tickets` alone; only the process of the consoles loads the rest.
"""
