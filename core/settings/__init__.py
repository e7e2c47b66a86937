"""Settings: what the environment and `.env` (`core.variables`) say, checked."""

from core.settings.addresses import problem_with_address
from core.settings.entries import PLATFORMS, admin_is_valid, entry_is_valid, place_is_valid, role_is_valid
from core.settings.reading import (
    NO_KEY,
    NO_MODEL_NAMED,
    PLATFORM_SECRETS,
    read_settings,
    where_settings_stand,
)
from core.settings.values import EMBEDDED_MODEL, ModelSettings, Settings, TelegramWebhook

__all__ = [
    "EMBEDDED_MODEL",
    "NO_KEY",
    "NO_MODEL_NAMED",
    "PLATFORMS",
    "PLATFORM_SECRETS",
    "ModelSettings",
    "Settings",
    "TelegramWebhook",
    "admin_is_valid",
    "entry_is_valid",
    "place_is_valid",
    "problem_with_address",
    "read_settings",
    "role_is_valid",
    "where_settings_stand",
]
