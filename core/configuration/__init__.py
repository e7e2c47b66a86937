"""What `sluice.toml` says: models, providers, personas, defaults, permissions and who is served.

`.env` keeps secrets and addresses (`core.settings`); with no file a configuration is made of it alone.
"""

from core.configuration.entries import (
    Ability,
    Admission,
    Configuration,
    Defaults,
    ModelChoice,
    ModelEntry,
    Permissions,
    Persona,
    Price,
    Provider,
)
from core.configuration.limits import Budgets, Limits
from core.configuration.live import Live
from core.configuration.moderating import Check, ModerationRules
from core.configuration.problems import ConfigurationError, Problem
from core.configuration.reading import example, is_persona_name, parse_configuration

__all__ = [
    "Ability",
    "Admission",
    "Budgets",
    "Check",
    "Configuration",
    "ConfigurationError",
    "Defaults",
    "Limits",
    "Live",
    "ModelChoice",
    "ModelEntry",
    "ModerationRules",
    "Permissions",
    "Persona",
    "Price",
    "Problem",
    "Provider",
    "example",
    "is_persona_name",
    "parse_configuration",
]
