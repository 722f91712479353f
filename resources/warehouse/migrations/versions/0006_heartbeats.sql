CREATE TABLE ops.heartbeats (
    name TEXT NOT NULL,
    beat_at TIMESTAMP WITH TIME ZONE NOT NULL,
    detail JSONB NOT NULL,
    CONSTRAINT heartbeats_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE ops.heartbeats IS 'The last sign of life of what works without being asked';
COMMENT ON COLUMN ops.heartbeats.name IS 'Who gives the sign, as `alerts` with the address of the space';
COMMENT ON COLUMN ops.heartbeats.beat_at IS 'When it was given last';
COMMENT ON COLUMN ops.heartbeats.detail IS 'What was told with it';
