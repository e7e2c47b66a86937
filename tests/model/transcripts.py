"""Bodies in the shapes that servers of several makes use, each with what it says. None is a recording."""

from __future__ import annotations

import json
from dataclasses import dataclass

from core.ports.completions import (
    Finished,
    FinishReason,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    Usage,
)


@dataclass(frozen=True, slots=True)
class Transcript:
    body: bytes
    events: tuple[StreamEvent, ...]


def chunk(delta: object, finish_reason: str | None = None, **more: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **more}


def sse(*payloads: object, end: str = "\n", done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(payload, ensure_ascii=False)}{end}{end}" for payload in payloads]
    return ("".join(lines) + (f"data: [DONE]{end}{end}" if done else "")).encode()


_STOP = Finished(FinishReason.STOP)

TRANSCRIPTS = {
    "openai": Transcript(
        sse(
            chunk({"role": "assistant", "content": "", "refusal": None}, usage=None),
            chunk({"content": "Olá, "}, usage=None),
            chunk({"content": "mundo 🌍"}, usage=None),
            chunk({}, "stop", usage=None),
            {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}},
        ),
        (TextDelta("Olá, "), TextDelta("mundo 🌍"), Usage(9, 4), _STOP),
    ),
    "azure: filter results without choices": Transcript(
        sse(
            {"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "model": ""},
            chunk({"content": "a"}),
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {},
                        "finish_reason": "content_filter",
                        "content_filter_results": {"hate": {"filtered": True}},
                    }
                ]
            },
        ),
        (TextDelta("a"), Finished(FinishReason.CONTENT_FILTER)),
    ),
    "openrouter: comments, reasoning, CRLF": Transcript(
        b": OPENROUTER PROCESSING\r\n\r\n: OPENROUTER PROCESSING\r\n\r\n"
        + sse(
            chunk({"role": "assistant", "content": "", "reasoning": "Hm"}),
            chunk({"content": "ja", "reasoning": None}),
            chunk({"content": ""}, "stop", native_finish_reason="STOP"),
            chunk({"content": ""}, None, usage={"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.1}),
            end="\r\n",
        ),
        (ReasoningDelta("Hm"), TextDelta("ja"), Usage(1, 2), _STOP),
    ),
    "vllm: text and ending in one chunk": Transcript(
        sse(
            chunk({"role": "assistant", "content": None, "reasoning_content": "so"}),
            chunk({"content": "x", "tool_calls": []}),
            chunk({"content": "y"}, "length", stop_reason=None),
        ),
        (
            ReasoningDelta("so"),
            TextDelta("x"),
            TextDelta("y"),
            Finished(FinishReason.LENGTH),
        ),
    ),
    "ollama: no finish_reason key until the end": Transcript(
        sse(
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "línea\u2028dos"}}]},
            chunk({"role": "assistant", "content": ""}, "stop"),
        ),
        (TextDelta("línea\u2028dos"), _STOP),
    ),
    "llama.cpp: no [DONE], no last blank line": Transcript(
        sse(chunk({"content": "so"}), chunk({}, "stop"), done=False).rstrip(b"\n"),
        (TextDelta("so"), _STOP),
    ),
    "mistral: content in parts": Transcript(
        sse(
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
            chunk({"content": [{"type": "text", "text": "yes"}]}),
            chunk({"content": "."}, "stop"),
        ),
        (ReasoningDelta("hm"), TextDelta("yes"), TextDelta("."), _STOP),
    ),
    "a gateway's own words, CR, [DONE] without its line end": Transcript(
        b"data:\r\revent: message\rid: 7\r"
        + sse(chunk({"content": "a"}, "end_turn"), end="\r", done=False)
        + b"data:[DONE]",
        (TextDelta("a"), _STOP),
    ),
    "a payload over several data lines": Transcript(
        b'data: {"choices": [\ndata: {"delta": {"content": "a b"}}\ndata: ]}\n\ndata: [DONE]\n\n',
        (TextDelta("a b"), _STOP),
    ),
    "a refusal": Transcript(
        sse(chunk({"refusal": "I will not."}), chunk({}, "stop")),
        (TextDelta("I will not."), _STOP),
    ),
    "not streamed, after white space to keep the line alive": Transcript(
        b"\n" * 100
        + json.dumps(
            {
                "object": "chat.completion",
                "choices": [{"message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 1},
            },
            indent=2,
        ).encode(),
        (TextDelta("whole"), Usage(3, 1), _STOP),
    ),
}
