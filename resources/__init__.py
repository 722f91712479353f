"""With what: the Backlog client, the warehouse, alert channels, settings, the table of cadences and
logs.
"""
