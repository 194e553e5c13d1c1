"""`sharedeck.once`: carry out a change at most once for a key (contract, Extensions).

The key, a digest of the call and its answer or fault are written in the transaction of what the call changes. A client
that got no answer asks again with the same key, and gets the first answer.
"""

import json
import re
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from hosting.provider.faults import DataFault, Fault, Object, bad_state, bad_syntax, bad_value, not_found
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import METHODS, Param, execute, method
from hosting.provider.models import KeptAnswer

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEPT_FOR = timedelta(days=30)


def _check(key: str, name: str, _params: list[Any]) -> None:
    if not _KEY.fullmatch(key):
        raise bad_syntax(Object.METHOD, "key", key, "1 to 64 letters, digits, hyphens or underscores expected")
    if name not in METHODS or not METHODS[name].writes:
        raise not_found(Object.METHOD, "method", name)


@method(
    "sharedeck.once",
    Param("key", "string", Object.METHOD),
    Param("method", "string", Object.METHOD),
    Param("params", "array", Object.METHOD),
    check=_check,
)
@sensitive_variables("params")
def once(call: Call, key: str, name: str, params: list[Any]) -> dict[str, Any]:
    """Carry out a changing method, given with its parameters without the session, at most once for this key.

    The answer is {result, replayed}: the first answer whenever the same call comes again within 30 days, or its fault.
    The same key with another method or parameters is refused (fault 520030), and so is a call whose first is still
    being carried out (520060).
    """
    call.may_write()
    digest = _digest(name, params)
    with transaction.atomic():
        # Calls of one account wait here for each other.
        call.lock_account()
        kept = KeptAnswer.objects.filter(handle=call.handle, key=key).first()
        replayed = kept is not None
        if kept is None:
            kept = _carry_out(call, key, name, params, digest)
    if kept.digest != digest:
        raise bad_value(Object.METHOD, "key", key, "this key came with another call")
    if kept.fault_code:
        raise Fault(kept.fault_code, kept.fault_text)
    return {"result": kept.result, "replayed": replayed}


def _carry_out(call: Call, key: str, name: str, params: list[Any], digest: str) -> KeptAnswer:
    """Make the call and keep its answer. A fault of the server keeps nothing, so that the call may be made again."""
    now = timezone.now()
    KeptAnswer.objects.filter(handle=call.handle, date_created__lt=now - _KEPT_FOR).delete()
    kept = KeptAnswer(handle=call.handle, key=key, digest=digest, date_created=now)
    try:
        with transaction.atomic():
            # The session is checked already: only its place among the arguments counts.
            kept.result = execute(name, ["", *params], call.session, call.scripted_failure)
    except DataFault as fault:
        kept.fault_code, kept.fault_text = fault.code, fault.text
    try:
        kept.save(force_insert=True)
    except IntegrityError:
        # Of a handle without an account, for whose calls nothing waits. What was changed here is undone with this.
        raise bad_state(Object.METHOD, "key", key, "the first call with this key is still being carried out") from None
    return kept


def _digest(name: str, params: list[Any]) -> str:
    """A keyed digest: a password may be among the parameters."""
    text = json.dumps([name, params], sort_keys=True, default=str)
    return salted_hmac("hosting.provider.once", text, algorithm="sha256").hexdigest()
