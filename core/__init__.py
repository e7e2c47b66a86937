"""Sluice's core: a model's answer streamed into messages that a platform lets be edited now and then.

This is the public face, all that a new surface needs; `examples/third_surface.py` is one.
A model is anything with the port `Completions`; `core.adapters.openai_completions` has the usual one.
"""

from core.adapters.clock import SystemClock
from core.messages import Field, Form, MessageRef, Person, Place, PlaceKind
from core.ports.completions import ChatMessage, CompletionRequest, Completions, ModelError
from core.ports.surface import Capabilities, Surface
from core.service.driver import Driver
from core.service.showing import Showing, Shown
from core.service.stream_answer import stream_answer
from core.streaming.answer import Answer, Ending
from core.streaming.meters import RateLimit
from core.streaming.operations import (
    BucketKey,
    Button,
    Delivered,
    FileContent,
    MessageContent,
    NotSent,
    NotSentReason,
    OperationKind,
    Option,
    Outcome,
    Select,
    Unknown,
)
from core.streaming.rendering import Rendered, Renderer

__all__ = [
    "Answer",
    "BucketKey",
    "Button",
    "Capabilities",
    "ChatMessage",
    "CompletionRequest",
    "Completions",
    "Delivered",
    "Driver",
    "Ending",
    "Field",
    "FileContent",
    "Form",
    "MessageContent",
    "MessageRef",
    "ModelError",
    "NotSent",
    "NotSentReason",
    "OperationKind",
    "Option",
    "Outcome",
    "Person",
    "Place",
    "PlaceKind",
    "RateLimit",
    "Rendered",
    "Renderer",
    "Select",
    "Showing",
    "Shown",
    "Surface",
    "SystemClock",
    "Unknown",
    "stream_answer",
]
