"""When and together: definitions, schedules, sensors and the command line.

Add here: orchestration. Keep out: HTTP and SQL.
"""
