"""How fast and how big: scripts that print measured figures next to their bounds.

Add here: a measurement of something a user would notice. Keep out: tests; a shared machine's clock decides no build.
"""
