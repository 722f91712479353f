"""The raw tables: their declaration, the merge, quarantine and marks of deletion."""
