"""What was used, in the words of `/usage`. It has to fit beside a picture: 1,024 UTF-16 units (Telegram)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from core.catalogue import money, say
from core.policy.budgets import Why
from core.service.refusals import name_of, time_span, tokens_or_money
from core.service.spending import Left
from core.service.usage import OfModel, Report, Sum

LONGEST: Final = 1_024
_LABEL: Final = 40  # characters of a model's name
_MODELS: Final = 6  # at most, each with its own line


def in_words(report: Report, title: str, locale: str | None, *, left: Sequence[Left], chart: bool) -> str:
    """Markdown. `left`: of every budget that limits whoever asks. `chart`: the picture is beside it, and its
    colours are named."""
    most = min(_MODELS, len(report.models))
    fewer = (
        *((models, len(left)) for models in range(most, -1, -1)),
        *((0, n) for n in range(len(left), -1, -1)),
    )
    for models, budgets in fewer:
        text = _with_models(report, models, title, locale, left=left[:budgets], chart=chart)
        if len(text.encode("utf-16-le")) // 2 <= LONGEST:
            break
    return text


def _with_models(
    report: Report,
    shown: int,
    title: str,
    locale: str | None,
    *,
    left: Sequence[Left],
    chart: bool,
) -> str:
    lines = [
        f"**{title}**",
        say("usage.today", locale, used=_used(report.today, locale)),
        say("usage.month", locale, used=_used(report.month, locale)),
    ]
    models = report.models[:shown] if len(report.models) > 1 else ()
    lines += [f"- {_name(model)}: {_used(model.sum, locale, key='usage.used.model')}" for model in models]
    if models and len(report.models) > shown:
        lines.append("- " + say("usage.others", locale, models=len(report.models) - shown))
    if unpriced := [_name(model) for model in report.models if not model.priced][:3]:
        lines += ["", say("usage.no_price", locale, models=", ".join(unpriced))]
    if left:
        lines += ["", say("usage.left", locale), *(f"- {_left(one, locale)}" for one in left)]
    if chart:
        lines += ["", say("usage.chart", locale)]
    return "\n".join(lines)


def _used(used: Sum, locale: str | None, *, key: str = "usage.used") -> str:
    if not used.requests:
        return say("usage.nothing", locale)
    words = say(
        key,
        locale,
        requests=used.requests,
        prompt=used.prompt_tokens,
        completion=used.completion_tokens,
    )
    return f"{_costs(used.costs, locale)}, {words}" if used.costs else words


def _left(left: Left, locale: str | None) -> str:
    budget = left.budget
    amounts = (
        (Why.TOKENS, left.tokens, budget.line.tokens),
        (Why.MONEY, left.money, budget.line.money),
    )
    words = [
        say(
            "usage.left.of",
            locale,
            left=amount if why is Why.TOKENS else tokens_or_money(why, amount, budget.currency, locale),
            limit=tokens_or_money(why, limit, budget.currency, locale),
        )
        for why, amount, limit in amounts
        if amount is not None and limit is not None
    ]
    return say(
        "usage.left.budget",
        locale,
        budget=name_of(budget.scope, budget.span, locale),
        left=", ".join(words),
        span=time_span(left.resets_in_s, locale),
    )


def _costs(costs: Mapping[str, Decimal], locale: str | None) -> str:
    return " + ".join(money(amount, currency, locale) for currency, amount in sorted(costs.items()))


def _name(model: OfModel) -> str:
    label = model.label.replace("`", "'")
    if len(label) > _LABEL:
        kept = label[:_LABEL]
        label = f"{kept.rpartition(' ')[0].rstrip(' ,:') or kept[:-1]}…"
    return f"`{label}`"
