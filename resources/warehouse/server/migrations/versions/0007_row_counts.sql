CREATE TABLE ops.row_counts (
    space_key TEXT NOT NULL,
    table_name TEXT NOT NULL,
    rows BIGINT NOT NULL,
    counted_until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT row_counts_pkey PRIMARY KEY (space_key, table_name)
);
COMMENT ON TABLE ops.row_counts IS 'How many rows the large tables had when they were last counted: they are counted again when rows were written since, or after a day';
COMMENT ON COLUMN ops.row_counts.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.row_counts.table_name IS 'Raw table';
COMMENT ON COLUMN ops.row_counts.rows IS 'Rows without the deleted ones';
COMMENT ON COLUMN ops.row_counts.counted_until IS 'Rows written before it were counted';
