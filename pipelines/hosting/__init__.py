"""What starts processes and keeps them: `backlog-elt up`, the processes of containers, and Celery's
launcher.
"""
