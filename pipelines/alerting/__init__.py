"""What is wrong, who is told of it, and that each is told once.

`facts.py` reads what has happened, `rules.py` says what of it is a problem, `ledger.py` what is told, and `sensor.py` does all
three twice a minute.
"""
