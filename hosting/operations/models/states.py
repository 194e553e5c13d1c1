"""The states of an operation and the table of legal moves. Pure."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class State(TextChoices):
    """From intent to outcome. Every state that is not final has an owner, named in its comment; what outstays its time
    there is shown to the team (`web.attention`).
    """

    # Above a ceiling: a second person, or `approvals.sweep` when none has decided in time. Nothing is sent meanwhile.
    HELD = "held", _("Waiting for approval")
    WAITING = "waiting", _("Queued")  # a worker, soon: the sweep asks again
    SENDING = "sending", _("Sending")  # the worker that claimed it; stale ones become UNCERTAIN
    ANSWERED = (
        "answered",
        _("Accepted"),
    )  # `track.identify`: the provider gave an object, its operation id is sought
    TRACKED = "tracked", _("In progress")  # `track.look`
    UNCERTAIN = "uncertain", _("Unconfirmed")  # `settle.settle`, or a person where the provider shows several
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    REFUSED = "refused", _("Refused")
    NOT_SENT = "not_sent", _("Not sent")
    RELEASED = "released", _("Not seen at the provider")
    CANCELLED = "cancelled", _("Cancelled")
    DECLINED = "declined", _("Not approved")  # refused by a second person, or not decided in time


FINAL = frozenset(
    {State.DONE, State.FAILED, State.REFUSED, State.NOT_SENT, State.RELEASED, State.CANCELLED, State.DECLINED}
)
OPEN = frozenset(State) - FINAL
# Open, and it may be happening: what is held has yet to be allowed to.
UNDER_WAY = OPEN - {State.HELD}
# Nothing happened at the provider: asking again is safe.
HARMLESS = frozenset({State.REFUSED, State.NOT_SENT, State.RELEASED, State.CANCELLED, State.DECLINED})

MOVES: dict[State, frozenset[State]] = {
    State.HELD: frozenset({State.WAITING, State.CANCELLED, State.DECLINED}),
    State.WAITING: frozenset({State.SENDING, State.CANCELLED, State.NOT_SENT}),
    # Back to WAITING only when the provider said that it did not execute the call (429, a dead session).
    State.SENDING: frozenset(
        {State.WAITING, State.ANSWERED, State.TRACKED, State.REFUSED, State.NOT_SENT, State.UNCERTAIN}
    ),
    State.ANSWERED: frozenset({State.TRACKED, State.UNCERTAIN}),
    # DONE on a person's word alone.
    State.UNCERTAIN: frozenset({State.TRACKED, State.RELEASED, State.DONE}),
    # Back to UNCERTAIN when the provider does not know its operation any more: a person decides.
    State.TRACKED: frozenset({State.DONE, State.FAILED, State.CANCELLED, State.UNCERTAIN}),
}


def is_legal(before: State, after: State) -> bool:
    """Whether the table allows the move."""
    return after in MOVES.get(before, frozenset())
