CREATE TABLE ops.oauth_tokens (
    host TEXT NOT NULL,
    client_id TEXT NOT NULL,
    space_key TEXT NOT NULL,
    tokens TEXT NOT NULL,
    key_id TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    refreshed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    refused_at TIMESTAMP WITH TIME ZONE,
    refused_reason TEXT,
    CONSTRAINT oauth_tokens_pkey PRIMARY KEY (host, client_id)
);
COMMENT ON TABLE ops.oauth_tokens IS 'Who is logged in by OAuth: one row for each space and application';
COMMENT ON COLUMN ops.oauth_tokens.host IS 'Host of the space, with port and path where its URL has them';
COMMENT ON COLUMN ops.oauth_tokens.client_id IS 'Application that a user has allowed to read the space';
COMMENT ON COLUMN ops.oauth_tokens.space_key IS 'Space it belongs to';
COMMENT ON COLUMN ops.oauth_tokens.tokens IS 'Access and refresh token, encrypted (Fernet)';
COMMENT ON COLUMN ops.oauth_tokens.key_id IS 'Fingerprint of the key by which they are encrypted';
COMMENT ON COLUMN ops.oauth_tokens.expires_at IS 'End of the access token, by the clock of the space';
COMMENT ON COLUMN ops.oauth_tokens.refreshed_at IS 'When the space gave these tokens';
COMMENT ON COLUMN ops.oauth_tokens.refused_at IS 'Since when the space does not renew them; null: it may. Log in again';
COMMENT ON COLUMN ops.oauth_tokens.refused_reason IS 'What the space said to that';
