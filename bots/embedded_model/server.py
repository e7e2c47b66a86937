"""The embedded model's own process: llama.cpp's OpenAI-compatible HTTP server on loopback.

Run as a script with the path of the weights and a port (0: any that is free); it imports nothing of ours,
so it starts fast. It writes one line of JSON to standard output, `{"ready": "http://127.0.0.1:PORT"}` or
`{"error": "…"}`, and lives until standard input ends: the parent holds the other end, so even a killed
parent takes it along.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any

SLOTS = 8  # so many answers grow at once; more wait for a free one
SLOT_TOKENS = 2_048  # prompt and answer together; a longer prompt is a 400, exceed_context_size_error
ANSWER_TOKENS = 256  # unless the request names another limit; its slot is the last one
_THREADS = 1  # two are slower as soon as anything else runs
_PR_SET_PDEATHSIG = 1


def main(weights: str, port: int) -> None:
    """Serve until standard input ends."""
    # llama.cpp may print: nothing but our one line may reach the parent's pipe.
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if sys.platform == "linux":
        # At once, where the kernel can; the watch below needs the interpreter, which loading holds.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Ctrl-C and a service manager reach the whole group, but answers may still finish: the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_exit_with_standard_input, daemon=True).start()
    try:
        server = _serve(weights, port)
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent tells it
        print(json.dumps({"error": str(error)}), file=report, flush=True)
        os._exit(1)
    print(json.dumps({"ready": server.listening_address}), file=report, flush=True)
    threading.Event().wait()


def _serve(weights: str, port: int) -> Any:
    import xllamacpp  # noqa: PLC0415  # a missing libgomp must end in a line, not in a traceback

    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.model_alias = {"embedded"}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * SLOT_TOKENS
    params.n_predict = ANSWER_TOKENS
    params.cpuparams.n_threads = _THREADS
    params.cpuparams_batch.n_threads = _THREADS
    params.sampling.temp = 0.2
    params.sampling.top_p = 0.9
    params.sampling.penalty_repeat = 1.1
    params.cache_ram_mib = 0  # by default it keeps old prompts in up to 8 GiB
    params.verbosity = 1  # errors
    # Nobody but us needs more than completions, and a web page elsewhere none at all.
    params.ui = False
    params.endpoint_slots = False
    params.cors_origins = ""
    return xllamacpp.Server(params)


def _exit_with_standard_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # the server's threads are native and know no other end


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
