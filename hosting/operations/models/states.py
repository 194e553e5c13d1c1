"""The states of an operation and the table of legal moves. Pure."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class State(TextChoices):
    """From request to outcome. The comment of each state that is not final names the code or person that moves it on.
    Operations that stay too long in one are shown to the team (`reading.attention`).
    """

    # Above a spending limit: moved on by a second person, or by `approvals.sweep` when nobody decides in time.
    # Nothing is sent until then.
    HELD = "held", _("Waiting for approval")
    WAITING = "waiting", _("Queued")  # `send.send`, soon; the sweep queues it again
    SENDING = "sending", _("Sending")  # the worker that claimed it; when its lease lapses, the sweep: UNCERTAIN
    ANSWERED = (
        "answered",
        _("Accepted"),
    )  # `track.identify`: the provider returned an object; its operation id is looked up
    TRACKED = "tracked", _("In progress")  # `track.poll`
    # No answer came: `settle.settle` asks again or reads, or a person decides when several match.
    UNCERTAIN = "uncertain", _("Unconfirmed")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    REFUSED = "refused", _("Refused")
    NOT_SENT = "not_sent", _("Not sent")
    RELEASED = "released", _("Not seen at the provider")  # stays, unless it turns up late: `late.match`
    CANCELLED = "cancelled", _("Cancelled")
    DECLINED = "declined", _("Not approved")  # refused by a second person, or nobody decided in time


FINAL = frozenset(
    {State.DONE, State.FAILED, State.REFUSED, State.NOT_SENT, State.RELEASED, State.CANCELLED, State.DECLINED}
)
OPEN = frozenset(State) - FINAL
# Open, and may be happening. Held operations are not: they wait for approval.
UNDER_WAY = OPEN - {State.HELD}
# Nothing is known to have happened at the provider. A released operation may still turn up (`lifecycle.late`).
HARMLESS = frozenset({State.REFUSED, State.NOT_SENT, State.RELEASED, State.CANCELLED, State.DECLINED})
# Ended without the change that was requested: it may be retried.
RETRYABLE = HARMLESS | {State.FAILED}

MOVES: dict[State, frozenset[State]] = {
    State.HELD: frozenset({State.WAITING, State.CANCELLED, State.DECLINED}),
    State.WAITING: frozenset({State.SENDING, State.CANCELLED, State.NOT_SENT}),
    # Back to WAITING only when the provider said that it did not execute the call (429, a dead session).
    State.SENDING: frozenset(
        {State.WAITING, State.ANSWERED, State.TRACKED, State.REFUSED, State.NOT_SENT, State.UNCERTAIN}
    ),
    State.ANSWERED: frozenset({State.TRACKED, State.UNCERTAIN}),
    # DONE only when a person confirms it (`decide.confirm_done`), REFUSED only by the provider's own answer: to its
    # key, or to a worker that stood still.
    State.UNCERTAIN: frozenset({State.ANSWERED, State.TRACKED, State.REFUSED, State.RELEASED, State.DONE}),
    # When the provider carried out the call late (`late.match`), or its answer comes to a worker that stood still.
    State.RELEASED: frozenset({State.TRACKED}),
    # Back to UNCERTAIN when the provider no longer knows the operation: a person decides.
    State.TRACKED: frozenset({State.DONE, State.FAILED, State.CANCELLED, State.UNCERTAIN}),
}


def is_legal(before: State, after: State) -> bool:
    """Whether the table allows the move."""
    return after in MOVES.get(before, frozenset())
