"""Asset checks: what Dagster shows to be right or wrong, by what they are about."""
