"""Settings to objects: the only place that wires."""

from bots.bootstrap.app import ADMINS_FILE, App, build_app
from bots.bootstrap.configuration import model_label, read_configuration, warnings_about
from bots.bootstrap.kept import Kept, button_key, open_store
from bots.bootstrap.models import Model, open_model
from bots.bootstrap.platforms import live_platforms
from bots.bootstrap.sandbox import Sandbox, open_sandbox
from bots.bootstrap.watching import watch_configuration

__all__ = [
    "ADMINS_FILE",
    "App",
    "Kept",
    "Model",
    "Sandbox",
    "build_app",
    "button_key",
    "live_platforms",
    "model_label",
    "open_model",
    "open_sandbox",
    "open_store",
    "read_configuration",
    "warnings_about",
    "watch_configuration",
]
