"""Alerting: what is wrong, who gets an alert, and that each problem is reported once.

`facts.py` reads what has happened. `problems.py` decides which of it is a problem, and writes the text of its alert. `ledger.py`
remembers what was reported.
`alerter.py` does all three, twice a minute, for the sensor `alerts`.
"""
