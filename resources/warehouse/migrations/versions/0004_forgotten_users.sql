CREATE TABLE ops.forgotten_users (
    space_key TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    forgotten_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    fingerprints TEXT[] NOT NULL,
    CONSTRAINT forgotten_users_pkey PRIMARY KEY (space_key, user_id)
);
COMMENT ON TABLE ops.forgotten_users IS 'Who is forgotten: all texts that tell who it is are replaced by forgotten-<id>, also in what comes later';
COMMENT ON COLUMN ops.forgotten_users.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.forgotten_users.user_id IS 'User who is erased, and never written again';
COMMENT ON COLUMN ops.forgotten_users.forgotten_at IS 'When the user was erased';
COMMENT ON COLUMN ops.forgotten_users.fingerprints IS 'Slow hashes of the names, since change logs tell names without ids';
