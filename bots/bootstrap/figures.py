"""An answer's figures on the sandbox's page."""

from __future__ import annotations

from bots.sandbox.page import SandboxPage
from core.service.driver import Progress


def show_figures(page: SandboxPage, progress: Progress) -> None:
    place, figures = progress.place, progress.figures
    page.figures(
        {
            "platform": place.platform,
            "chat": f"{place.chat_id}/{place.topic_id}" if place.topic_id else place.chat_id,
            "message": progress.messages[0].message_id,
            "edits": figures.edits,
            "age_s": figures.age_s,
            "mean_age_s": figures.mean_age_s,
            "first_text_s": figures.first_text_s,
            "final_lag_s": figures.final_lag_s,
            "limited": figures.rate_limited,
            "done": figures.done,
        }
    )
