"""`Fetching`: the one guarded way to whatever is named by an address.

- `targets.py` reads an address strictly, and says which may be fetched: what it cannot read exactly as every
  other program would, it refuses.
- `addresses.py` knows which IP addresses are of the public internet.
- `network.py` is the only place that resolves a name and opens a socket: it connects to the very addresses
  that it checked, so nothing can change between the check and the connection. It counts what comes in.
- `unfolding.py` decompresses in pieces of bounded size.
- `client.py` goes from redirect to redirect, each judged as if it were the first.
"""
