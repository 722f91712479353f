"""The outside world: the Backlog API, the warehouse and the simulated space.

Add here: whatever talks to something outside this process. Keep out: anything that knows an asset or a schedule.
"""
