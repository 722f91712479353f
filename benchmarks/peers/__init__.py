"""Other ways to copy the issues of a space into PostgreSQL, next to ours: `python -m
benchmarks.peers`.
"""
