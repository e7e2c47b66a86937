"""What becomes of a view by an outcome: what a surface says of one of its operations.

    delivered     it stands there: go on
    unknown       it may stand there: the same again, later (doubt.py)
    not sent      rate limited           the newest state, as soon as its bucket grants it
                  unavailable            the same again, later; after TRIES the view is given up
                  taken over             the view is lost: another process shows the answer
                  rejected               without its file or as plain text, then not this way
                  frozen, message gone   below it, or lost; where it was not the view's own yet, the next one
                  archived               as frozen; lost where a page would stand twice by it
                  anything else          not this way
                  a draft                messages from here on, unless the place is gone
                  a deletion             the message stays

A view that is given up shows below what stands that it broke off, and is lost.

What it says of the rate limits is the scheduler's.
"""

from __future__ import annotations

from typing import Final

from core.streaming.operations import Delivered, NotSent, NotSentReason, OperationKind, Outcome, Unknown
from core.streaming.view import Update, View

RETRY_FIRST_S: Final = 0.5
RETRY_MOST_S: Final = 30.0
TRIES: Final = 10
"""So many failures in a row that are not rate limits (about three minutes of them) lose a view."""
DRAFTS_FAIL: Final = 3
"""So many failures in a row, and a page that has been a draft is made a message."""


def apply_outcome(view: View, update: Update, way: int, outcome: Outcome, now: float) -> None:
    """`update` went that way, and this came of it: the view wants something else now, or is over."""
    if isinstance(outcome, Delivered):
        view.count(update.kind)
        view.delivered(update, outcome.message_id, now)
    elif isinstance(outcome, Unknown):
        view.unknown(update, now + _back_off_s(view), way)
        _give_up(view, update, NotSentReason.UNAVAILABLE)
    else:
        _not_sent(view, update, way, outcome, now)
    if update.kind is OperationKind.SEND and not isinstance(outcome, NotSent):
        view.ways.sent(way, known=isinstance(outcome, Delivered))


def _not_sent(view: View, update: Update, way: int, outcome: NotSent, now: float) -> None:
    match outcome.reason:
        case NotSentReason.RATE_LIMITED:
            view.meter.rate_limited += 1
            view.refused(update, outcome.retry_after_s)
        case NotSentReason.UNAVAILABLE:
            view.not_sent(now + _back_off_s(view))
            _give_up(view, update, outcome.reason)
        case NotSentReason.TAKEN_OVER:
            view.lose(outcome.reason)
        case reason if update.kind is OperationKind.DRAFT and reason is not NotSentReason.PLACE_GONE:
            view.no_drafts()
        case _ if update.kind is OperationKind.DELETE:  # where that is not permitted, it stays
            view.gone()
        case NotSentReason.MESSAGE_GONE if view.takes_over(update):
            view.gone()
        case NotSentReason.REJECTED if view.takes_over(update) and view.plain:
            view.gone(stands=True)
        case NotSentReason.FROZEN | NotSentReason.ARCHIVED if view.takes_over(update):
            view.gone(stands=True)
        case NotSentReason.FROZEN | NotSentReason.ARCHIVED:
            view.frozen(outcome.reason)
        case NotSentReason.REJECTED:
            view.rejected(update, way)
        case NotSentReason.MESSAGE_GONE:
            view.lose(outcome.reason)
        case reason:
            view.shut(way, update.kind, reason)


def _back_off_s(view: View) -> float:
    return float(min(RETRY_MOST_S, RETRY_FIRST_S * 2**view.failures))


def _give_up(view: View, update: Update, reason: NotSentReason) -> None:
    if update.kind is OperationKind.DRAFT and view.failures >= DRAFTS_FAIL:
        view.no_drafts()
    if view.failures >= TRIES:
        view.give_up(reason)
