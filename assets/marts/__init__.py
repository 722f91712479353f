"""From raw to answers: the dbt project (models, seeds, tests), the assets made from it, their
charts and the report.

Add a mart by adding a file to `models/mart` and its columns to a `.yml` file next to it, a
dashboard by adding an exposure to `models/exposures.yml`.
"""
