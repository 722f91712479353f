"""The outside world: the Backlog API, the warehouse and the simulated space."""
