"""When and together: definitions, jobs, schedules, sensors, alerting, the command line, and
hosting, which keeps the processes.
"""
