"""When and together: definitions, schedules, sensors and the command line."""
