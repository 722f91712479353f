"""All sensors: what starts because something has happened. Each is a pure function and a thin
shell.
"""
