"""What one running `backlog-elt up` shows, and what somebody does there: all tests of this folder
share it (`BUILT_ONCE`).

A test that kills or breaks something, or needs settings of its own, has its own processes
elsewhere. This file makes the folder a package, so that `up` ends with the last test of the folder,
not with the last of all.
"""
