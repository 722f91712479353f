"""What "equal" means, decided here and nowhere else: for the nightly count, the check in the UI and
`verify`. The end of a load compares numbers by `sync/numbers.py`, as the first two do.

There are four outcomes:

- **equal**
- **behind**: it has changed at the source since it was read, and the next load brings it
- **quarantined**: the source has it, the warehouse refuses it, and `ops.rejected_records` says why
- **different**: anything else. Something was missed, or was changed in the warehouse.

`reconcile.py` is the entry. It compares numbers (`count_reconciliation.py`) or rows
(`row_reconciliation.py`; each row in `compare_rows.py`, its columns in `payload_columns.py`, what
is read once more in `suspects.py`), and may repair. `explanations.py` decides the outcome of each
row, and `verdict.py` sums them up to the status and the exit code of `verify`.
"""
