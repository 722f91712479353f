"""The comparison of the warehouse with the source: which rows differ, how, and whether that is explained.

Add here: nothing; a module for each part of the comparison. Keep out: loading, which is what mends a difference (`assets/raw`).
"""
