"""Runs the loads: definitions, jobs, schedules, sensors, alerting, the command line, and hosting of
the processes.
"""
