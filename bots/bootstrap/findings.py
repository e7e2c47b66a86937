"""What `.env` and `sluice.toml` say as far as it can be used, and all that is wrong with both."""

from __future__ import annotations

from dataclasses import dataclass

from bots.bootstrap.configuration import bare_configuration, read_configuration, warnings_about
from core.configuration import Configuration
from core.settings import Settings, settings_and_problems, variable_of
from core.variables import SettingsError

_TOKENS = frozenset({"DISCORD_TOKEN", "TELEGRAM_TOKEN"})


@dataclass(frozen=True, slots=True)
class Findings:
    """Lines are for people, each with what to do. `configuration` is the demo model alone where the file
    cannot be used."""

    settings: Settings
    configuration: Configuration
    of_env: tuple[str, ...]  # what keeps the settings from being used
    of_file: tuple[str, ...]  # what keeps `sluice.toml` from being used

    @property
    def wrong(self) -> frozenset[str]:
        """The variables that cannot be used, tokens of one platform among them while the other is fine."""
        return frozenset(map(variable_of, (*self.of_env, *self.settings.unusable)))

    @property
    def sandbox(self) -> bool:
        """Whether `sluice run` would start the sandbox: no token is set, not even a wrong one."""
        return not (self.settings.discord_token or self.settings.telegram_token or self.wrong & _TOKENS)

    @property
    def model_missing(self) -> bool:
        """Whether nothing says which model answers, where the demo model does not stand in for it."""
        named = self.configuration.model_chosen or self.settings.model.chosen
        told = self.of_file or self.wrong & {"OPENAI_MODEL", "SLUICE_CONFIG"}
        return not (named or told or self.sandbox)

    @property
    def warnings(self) -> tuple[str, ...]:
        return warnings_about(self.settings, self.configuration)


def look() -> Findings:
    """Raises SettingsError where `.env` cannot be read: it may say anything, also which file is meant."""
    settings, of_env = settings_and_problems()
    try:
        return Findings(settings, read_configuration(settings), of_env, ())
    except SettingsError as error:
        # Without a file it is `.env` that names no model, which is told already.
        of_file = error.problems if settings.config_file.is_file() or not of_env else ()
        return Findings(settings, bare_configuration(), of_env, of_file)
