"""What the pipeline works with: the Backlog client, the warehouse, alert channels, settings and
logs.
"""
