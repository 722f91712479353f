"""When and together: definitions, jobs, schedules, sensors, alerting, the command line, and
hosting, which keeps the processes.
"""

import sys

# Alembic's templates would load the lexers of 500 languages to colour an error page: 0.2 s and 3 MB
# of each process. Without them they do not colour.
sys.modules.setdefault("mako.ext.pygmentplugin", None)  # type: ignore[arg-type]
