"""A local Discord: REST, gateway and interactions. `server.py` is its face."""
