"""The floor of the source: read what has changed and throw it away."""

from benchmarks.peers.runners.source import changed, client

with client() as http:
    for _ in changed(http):
        pass
