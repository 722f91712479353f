CREATE TABLE ops.source_conditions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    url TEXT NOT NULL,
    kind TEXT NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    message TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT source_conditions_pkey PRIMARY KEY (id),
    CONSTRAINT source_conditions_kind_check CHECK (kind IN ('unreachable', 'refused', 'rate_limited'))
);
CREATE UNIQUE INDEX source_conditions_open_key ON ops.source_conditions (url) WHERE ended_at IS NULL;
COMMENT ON TABLE ops.source_conditions IS 'When the source as a whole could not be read, and why: one row for each time';
COMMENT ON COLUMN ops.source_conditions.id IS 'Number of the condition';
COMMENT ON COLUMN ops.source_conditions.url IS 'Root of the space, without a slash at its end';
COMMENT ON COLUMN ops.source_conditions.kind IS 'unreachable, refused or rate_limited (by other programs of the same user)';
COMMENT ON COLUMN ops.source_conditions.began_at IS 'When a request first met it';
COMMENT ON COLUMN ops.source_conditions.last_seen_at IS 'When a request last met it';
COMMENT ON COLUMN ops.source_conditions.message IS 'What that first request was told, in one line';
COMMENT ON COLUMN ops.source_conditions.ended_at IS 'When a request was answered again; null while it lasts';
