"""The console of a server: its page, and the WebSocket that the page opens."""

from contextlib import ExitStack

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_safe

from hosting.inventory.models import Vm
from hosting.reading import queries
from hosting.viewings import lifecycle
from hosting.viewings.lifecycle import End
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.answers import upgrade
from hosting.web.pages import server_tabs
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording.consoles import ENDINGS
from hosting.web.wording.words import first_address
from safekeeping.sessions import stored_name


@require_safe
@account_page
def page(request: AccountRequest, remote_id: int) -> HttpResponse:
    vm = _server(request, remote_id)
    context = {
        "vm": vm,
        "operation": queries.open_by_target(request.account).get(f"vm:{remote_id}"),
        "endings": ENDINGS.items(),
        "address": first_address(vm.ifaces),
        **server_tabs.context(request, vm, "console"),
    }
    return render_page(request, "console", context, section="servers")


@require_GET
@account_page
def connection(request: AccountRequest, remote_id: int) -> HttpResponseBase:
    """Open the WebSocket, and hand it over to the console process.

    A script can't read why a WebSocket was refused. So it asks once more without one: the answer (426) names the
    reason, by the words of `ENDINGS`.
    """
    vm = _server(request, remote_id)
    if not upgrade.is_asked_for(request):
        response = HttpResponse(_obstacle(request), status=426, content_type="text/plain")
        response["Upgrade"] = "websocket"
        return response
    if not upgrade.is_from_here(request):
        raise PermissionDenied
    with ExitStack() as cleanup:
        try:
            # First: without the process there is nothing to record.
            to_process = cleanup.enter_context(upgrade.connect())
            viewing = lifecycle.begin(
                by=request.member,
                account=request.account,
                vm_remote_id=vm.remote_id,
                subject=str(vm),
                session=stored_name(request.session.session_key or ""),
            )
        except upgrade.NoConsoleProcessError:
            return HttpResponse("unavailable", status=503, content_type="text/plain")
        except lifecycle.TooManyOpenError:
            return HttpResponse("too_many", status=429, content_type="text/plain")
        # The answer closes it.
        cleanup.pop_all()
        return upgrade.SwitchingProtocols(request, to_process, viewing.pk)


def _obstacle(request: AccountRequest) -> str:
    """What is in the way of a WebSocket now; "lost" when nothing is."""
    if lifecycle.has_too_many(request.member):
        return "too_many"
    try:
        upgrade.connect().close()
    except upgrade.NoConsoleProcessError:
        return "unavailable"
    return End.LOST.value


def _server(request: AccountRequest, remote_id: int) -> Vm:
    """The server, for those who may use its console.

    Raises:
        NotAllowedError: the role lacks the permission.
        Http404: there is no such server, or its provider has no consoles.
    """
    server_tabs.require(request, "console")
    vm: Vm = get_object_or_404(Vm, account=request.account, remote_id=remote_id)
    return vm
