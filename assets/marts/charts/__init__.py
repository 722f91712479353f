"""Charts of the marts: small SVG pictures, shown by the Dagster UI and by `backlog-elt report`.

matplotlib draws them. It takes half a second to import, so `catalogue` is imported only where a chart is drawn.
"""
