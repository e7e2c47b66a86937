"""The embedded model: a small language model in a process of its own, for the sandbox and for `sluice ask`.

SmolLM2-135M-Instruct on llama.cpp. It shows streaming and is no assistant. `model.py` is the door.
"""
