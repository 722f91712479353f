-- Who holds which lock. Not logged: locks end with the server, and a standby has none.

CREATE UNLOGGED TABLE ops.locks (
    space_key TEXT NOT NULL,
    name TEXT NOT NULL,
    pid BIGINT NOT NULL,
    session_began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    role_id BIGINT NOT NULL,
    holder TEXT NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT locks_pkey PRIMARY KEY (space_key, name)
);

COMMENT ON TABLE ops.locks IS 'Which load or build holds which lock; rows of sessions that are gone hold nothing';
COMMENT ON COLUMN ops.locks.space_key IS 'Space it belongs to; `all spaces` of what they share';
COMMENT ON COLUMN ops.locks.name IS 'What is locked, as `issues/300`, `marts`, or the life of a load';
COMMENT ON COLUMN ops.locks.pid IS 'Session that has taken it, as in pg_stat_activity: when that ends, it is free';
COMMENT ON COLUMN ops.locks.session_began_at IS 'When that session began: its number is used again';
COMMENT ON COLUMN ops.locks.role_id IS 'Role of that session (oid)';
COMMENT ON COLUMN ops.locks.holder IS 'Who it is, in words: run, process and machine';
COMMENT ON COLUMN ops.locks.taken_at IS 'Since when';
