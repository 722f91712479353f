"""Alerting: what is wrong, who gets an alert, and that each problem is reported once.

`facts.py` reads what has happened. `problems.py` decides which of it is a problem. `messages.py`
has the text of its alert. `ledger.py` remembers what was reported. `alerter.py` does all of this,
twice a minute, for the sensor `alerts`.
"""
