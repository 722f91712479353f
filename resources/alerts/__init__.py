"""Messages to people: what they say, and the ways on which they are sent.

Keep out: when there is something to say (`pipelines/alerting`).
"""
