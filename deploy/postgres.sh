#!/bin/sh
# Run once by the image of PostgreSQL, on an empty volume: two databases, each with a role that can do nothing outside of it. The
# password of a role is read from its URL in the secrets, so it is stored once.
set -eu
secrets=${SECRETS:-/run/secrets}

password() { # of the URL in a file; percent signs would have to be decoded, so none may be in it
    sed -E 's#^[a-z]+://[^:]+:([^@%]+)@.*#\1#' "$1"
}

psql -v ON_ERROR_STOP=1 -U postgres \
    -v loader="$(password "$secrets/warehouse_url")" -v dagster="$(password "$secrets/dagster_url")" <<'SQL'
CREATE ROLE backlog_loader LOGIN PASSWORD :'loader';
CREATE ROLE backlog_dagster LOGIN PASSWORD :'dagster';
CREATE DATABASE warehouse ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE dagster OWNER backlog_dagster ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE warehouse, dagster FROM PUBLIC;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE warehouse TO backlog_loader;
-- Records that are refused hold people: their sender gets the error, the log of the server does not.
-- Nor does it where an administrator logs statements, or slow ones.
ALTER ROLE backlog_loader SET log_min_messages = 'log';
ALTER ROLE backlog_loader SET log_min_error_statement = 'panic';
ALTER ROLE backlog_loader SET log_parameter_max_length = 0;
ALTER ROLE backlog_loader SET log_statement = 'none';
ALTER ROLE backlog_loader SET log_min_duration_statement = -1;
ALTER ROLE backlog_dagster SET log_min_messages = 'log';
ALTER ROLE backlog_dagster SET log_min_error_statement = 'panic';
ALTER ROLE backlog_dagster SET log_parameter_max_length = 0;
ALTER ROLE backlog_dagster SET log_statement = 'none';
ALTER ROLE backlog_dagster SET log_min_duration_statement = -1;
SQL
