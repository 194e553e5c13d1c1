"""`login` and `su`."""

from django.views.decorators.debug import sensitive_variables

from hosting.provider import sessions
from hosting.provider.faults import Object, no_right, not_found
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.models import Handle


@method(
    "login",
    Param("login", "string", Object.CREDENTIALS),
    Param("password", "string", Object.PASSWORD),
    Param("safe", "boolean", Object.CREDENTIALS, optional=True),
    session=False,
)
@sensitive_variables("password")
def login(login: str, password: str, safe: bool = True) -> str:
    """A session id, good for twelve hours. Fault 510150 does not say which of the two was wrong."""
    handle = sessions.authenticate(login, password)
    if handle is None:
        raise no_right(Object.CREDENTIALS, "login", login, "wrong login or password")
    return sessions.open_session(handle, safe=safe)


@method("su", Param("handle", "string", Object.HANDLE))
def su(call: Call, name: str) -> str:
    """A session with the rights of that handle: the session's own, or one of its customers'."""
    handle = Handle.objects.filter(handle=name).first()
    if handle is None:
        raise not_found(Object.HANDLE, "handle", name)
    if call.handle.pk not in {handle.pk, handle.reseller_id}:
        raise no_right(Object.HANDLE, "handle", name, "neither your own handle nor a customer's")
    return sessions.narrow_session(call.session, handle)
