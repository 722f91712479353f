"""What each way does for one sync, run by an interpreter of its own; `source.py` and the plain ones
need httpx only.
"""
