"""Charts of the marts: one Vega-Lite spec each, drawn by the page of `backlog-elt report` and, as a
picture, for the Dagster UI.
"""
