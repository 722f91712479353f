"""What "equal" means, decided here and nowhere else: for the end of a load, the nightly count, the check in the UI, and `verify`.

Four things are told apart. **Equal**. **Behind**: it has happened at the source since it was read, and the next load brings it.
**Quarantined**: the source has it, the warehouse refuses it, and `ops.rejected_records` says why. **Different**: anything else, so
something was missed, or was changed in the warehouse.
"""
