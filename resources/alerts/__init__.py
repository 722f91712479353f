"""Messages to people: what they say, and the ways on which they are sent.

Add here: another way to tell. Keep out: when there is something to say (`pipelines/alerting`).
"""
