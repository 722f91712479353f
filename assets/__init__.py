"""What is made: one file per table or family of tables."""

import warnings

import dagster as dg

# Backfill policies and code references are marked beta; they are used on purpose, on a pinned
# release.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
