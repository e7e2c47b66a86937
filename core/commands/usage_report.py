"""What was used, in the words of `/usage`. It has to fit beside a picture: 1,024 UTF-16 units (Telegram)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from core.catalogue import money, say
from core.service.usage import OfModel, Report, Sum

LONGEST: Final = 1_024
_LABEL: Final = 40  # characters of a model's name
_MODELS: Final = 6  # at most, each with its own line


def in_words(
    report: Report, title: str, locale: str | None, *, left: tuple[int, int, float] | None, chart: bool
) -> str:
    """Markdown. `left`: of the daily limit, the limit, and the seconds until the next day. `chart`: the
    picture is beside it, and its colours are named."""
    for shown in range(min(_MODELS, len(report.models)), -1, -1):
        text = _with_models(report, shown, title, locale, left=left, chart=chart)
        if len(text.encode("utf-16-le")) // 2 <= LONGEST:
            break
    return text


def _with_models(
    report: Report,
    shown: int,
    title: str,
    locale: str | None,
    *,
    left: tuple[int, int, float] | None,
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
    if left is not None:
        tokens, limit, seconds = left
        minutes = -(-int(seconds) // 60)
        words = say("usage.left", locale, left=tokens, limit=limit, hours=minutes // 60, minutes=minutes % 60)
        lines += ["", words]
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


def _costs(costs: Mapping[str, Decimal], locale: str | None) -> str:
    return " + ".join(money(amount, currency, locale) for currency, amount in sorted(costs.items()))


def _name(model: OfModel) -> str:
    label = model.label.replace("`", "'")
    return f"`{label if len(label) <= _LABEL else label[: _LABEL - 1] + '…'}`"
