"""The history of syncs, `ops.sync_history`: one writer, one reader, and what its runs are for."""
