"""Settings: what the environment and `.env` (`core.variables`) say, checked."""

from core.settings.addresses import problem_with_address
from core.settings.entries import (
    ADMIN_REMEDY,
    ENTRY_REMEDY,
    PLATFORMS,
    STAR_REMEDY,
    admin_is_valid,
    entry_is_valid,
    person_in,
    place_is_valid,
    role_in,
)
from core.settings.names import names_any, variable_of
from core.settings.reading import (
    NO_KEY,
    NO_MODEL_NAMED,
    PLATFORM_SECRETS,
    read_settings,
    settings_and_problems,
    where_settings_stand,
)
from core.settings.telling import may_be_secret, name_may_be_secret, shown, shown_entry, shown_name
from core.settings.values import EMBEDDED_MODEL, MODEL_ID, ModelSettings, Settings, TelegramWebhook

__all__ = [
    "ADMIN_REMEDY",
    "EMBEDDED_MODEL",
    "ENTRY_REMEDY",
    "MODEL_ID",
    "NO_KEY",
    "NO_MODEL_NAMED",
    "PLATFORMS",
    "PLATFORM_SECRETS",
    "STAR_REMEDY",
    "ModelSettings",
    "Settings",
    "TelegramWebhook",
    "admin_is_valid",
    "entry_is_valid",
    "may_be_secret",
    "name_may_be_secret",
    "names_any",
    "person_in",
    "place_is_valid",
    "problem_with_address",
    "read_settings",
    "role_in",
    "settings_and_problems",
    "shown",
    "shown_entry",
    "shown_name",
    "variable_of",
    "where_settings_stand",
]
