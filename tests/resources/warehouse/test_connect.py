"""Connections: whatever the server refuses is one clear line without a secret."""

import socket
import time

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from resources.warehouse.server.connect import RESTED_SECONDS, check_tables, engine, mask, parse_url
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import execute, one, refusal_of, refused

SECRET = "s3cret!"
RAISED = "DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '{}'; END $$"
TEXT = "森 ÿ ① 😀 한"


def _message(url: str) -> str:
    message = refusal_of(url)
    assert "\n" not in message
    assert SECRET not in message + repr(engine(url))
    return message


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"]
)
def test_every_way_to_write_the_scheme_is_understood(scheme: str) -> None:
    url = parse_url(f"{scheme}://me:{SECRET}@db.test:6543/wh?sslmode=require")
    assert (url.drivername, url.host, url.port, url.database) == (
        "postgresql+psycopg2",
        "db.test",
        6543,
        "wh",
    )


def test_a_password_that_would_become_a_part_of_the_host_is_refused() -> None:
    password = f"pass@{SECRET}"
    with pytest.raises(WarehouseError, match="write an @ in the password as %40") as caught:
        parse_url(f"postgresql://me:{password}@db.test/wh")
    assert SECRET not in str(caught.value)
    assert caught.value.cause == "database_refused"


@pytest.mark.parametrize(
    "url", ["", "warehouse", "mysql://me:s3cret!@db/wh", "postgresql://me:s3cret!@db:port/wh"]
)
def test_what_is_no_url_of_postgresql_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(
        WarehouseError, match="WAREHOUSE_URL cannot be read: expected postgresql://"
    ) as caught:
        engine(url)
    assert SECRET not in str(caught.value)
    assert caught.value.cause == "database_refused"


def test_a_masked_url_shows_where_and_hides_the_secret(warehouse_url: str) -> None:
    assert mask(f"postgres://me:{SECRET}@db.test:6543/wh") == "postgresql://me:***@db.test:6543/wh"
    assert SECRET not in mask(
        f"postgresql://db.test/wh?user=me&password={SECRET}&sslpassword={SECRET}"
    )
    assert engine(mask(warehouse_url)).url.database == parse_url(warehouse_url).database


def test_a_quiet_connection_is_kept_alive_unless_the_url_says_otherwise() -> None:
    assert engine("postgresql://me@db.test/wh").url.query["keepalives_idle"] == "60"
    assert (
        engine("postgresql://me@db.test/wh?keepalives_idle=7").url.query["keepalives_idle"] == "7"
    )


def test_a_server_that_cannot_be_reached_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        message = _message(f"postgresql://me:{SECRET}@127.0.0.1:{port}/wh")
    assert str(port) in message
    assert "check WAREHOUSE_URL and the server" in message
    assert "could not translate host name" in _message(
        f"postgresql://me:{SECRET}@no-such-host.invalid/wh"
    )


def test_a_missing_database_or_user_is_named(warehouse_url: str) -> None:
    url = parse_url(warehouse_url)
    said = _message(url.set(database="missing").render_as_string(hide_password=False))
    assert 'database "missing" does not exist' in said
    assert "create the database" in said
    nobody = url.set(username="nobody", password=SECRET)
    assert "the user" in _message(nobody.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("statements", "cause", "words"),
    [
        ([RAISED.format("53100")], "disk_full", "disk .* is full"),
        ([RAISED.format("42501")], "database_refused", "lacks a right"),
        ([RAISED.format("53300")], "connections_used_up", "max_connections"),
        (
            [RAISED.format("25006")],
            "database_refused",
            "read-only: point WAREHOUSE_URL at the primary",
        ),
        (
            [
                "SET LOCAL temp_file_limit = 0",
                "SET LOCAL work_mem = '64kB'",
                "SELECT n FROM generate_series(1, 100000) AS n ORDER BY -n",
            ],
            "database_unfit",
            "size exceeds .*raise temp_file_limit for this",
        ),
    ],
)
def test_a_server_that_refuses_or_lacks_something_says_what_to_do(
    warehouse: Engine, statements: list[str], cause: str, words: str
) -> None:
    with pytest.raises(WarehouseError, match=words) as caught:
        execute(warehouse, *statements)
    assert caught.value.cause == cause


def test_a_missing_table_of_ours_is_named_with_the_way_out(warehouse: Engine) -> None:
    execute(warehouse, "DROP TABLE ops.sync_history CASCADE")
    said = r'restore a backup, or load into an empty database \(relation "ops.sync_history"'
    with pytest.raises(WarehouseError, match=said) as caught:
        one(warehouse, "SELECT * FROM ops.sync_history")
    assert caught.value.cause == "table_missing"
    with pytest.raises(ProgrammingError):
        one(warehouse, "SELECT * FROM mart.issue")


def test_a_restarted_server_is_survived_and_a_lost_transaction_is_an_error(
    warehouse: Engine,
) -> None:
    mine = text("SELECT pg_backend_pid()")
    kill = text("SELECT pg_terminate_backend(:pid, 10000)")  # returns when it has ended
    with warehouse.connect() as conn:
        idle = conn.execute(mine).scalar_one()
    with warehouse.connect() as conn, warehouse.connect() as killer:
        assert conn.execute(mine).scalar_one() == idle
        killer.execute(kill, {"pid": idle})
        with pytest.raises(WarehouseError, match="cannot be used") as caught:
            conn.execute(mine)
    assert caught.value.cause == "database_stopped"
    with warehouse.connect() as conn, warehouse.connect() as killer:
        pooled = conn.execute(mine).scalar_one()
        conn.close()
        killer.execute(kill, {"pid": pooled})
        with warehouse.connect() as again:
            assert again.execute(mine).scalar_one() != pooled


def test_sessions_run_in_utc_under_the_name_of_the_program(warehouse: Engine) -> None:
    assert one(warehouse, "SHOW TimeZone") == "UTC"
    assert one(warehouse, "SHOW application_name") == "backlog-elt"


def test_a_statement_sees_what_was_committed_whatever_the_default_of_the_database(
    warehouse: Engine,
) -> None:
    execute(
        warehouse,
        f'ALTER DATABASE "{warehouse.url.database}" '
        "SET default_transaction_isolation = 'serializable'",
    )
    warehouse.dispose()
    assert one(warehouse, "SHOW transaction_isolation") == "read committed"


def test_a_database_that_cannot_hold_every_character_is_refused(
    warehouse_url: str, warehouse: Engine
) -> None:
    latin = parse_url(warehouse_url).set(database="latin1")
    with warehouse.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(
            text("CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        )
        error = refused(latin.render_as_string(hide_password=False))
        connection.execute(text("DROP DATABASE latin1"))
    assert "encoded as LATIN1: create one with ENCODING 'UTF8' TEMPLATE template0" in str(error)
    assert error.cause == "database_unfit"


@pytest.mark.parametrize("encoding", ["SJIS", "nonsense"])
def test_connections_are_utf8_whatever_the_environment_and_the_url_say(
    warehouse_url: str, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    url = parse_url(warehouse_url).update_query_dict({"client_encoding": encoding})
    made = engine(url.render_as_string(hide_password=False))
    assert one(made, f"SELECT '{TEXT}'") == TEXT
    assert one(made, "SHOW client_encoding") == "UTF8"
    made.dispose()


def test_connections_are_utf8_whatever_the_role_and_the_database_say(
    warehouse_url: str,
    warehouse: Engine,
) -> None:
    url = parse_url(warehouse_url)
    execute(
        warehouse,
        f"ALTER DATABASE {url.database} SET client_encoding = 'EUC_JP'",
        "CREATE ROLE sjis LOGIN SUPERUSER",
        "ALTER ROLE sjis SET client_encoding = 'SJIS'",
    )
    try:
        for user in (url.username, "sjis"):
            made = engine(url.set(username=user).render_as_string(hide_password=False))
            assert one(made, f"SELECT '{TEXT}'") == TEXT
            made.dispose()
    finally:
        execute(warehouse, "DROP ROLE sjis")


def test_a_user_who_may_not_create_a_missing_table_gets_a_clear_error(
    warehouse_url: str, warehouse: Engine
) -> None:
    execute(
        warehouse,
        f"CREATE ROLE no_maker LOGIN PASSWORD '{SECRET}'",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "CREATE TABLE public.made (id int)",
    )
    url = parse_url(warehouse_url).set(username="no_maker", password=SECRET)
    try:
        check_tables(warehouse_url, "runs")
        check_tables(url.render_as_string(hide_password=False), "made")
        with pytest.raises(WarehouseError, match="may not create tables there") as caught:
            check_tables(url.render_as_string(hide_password=False), "runs")
        assert caught.value.cause == "database_refused"
    finally:
        execute(warehouse, "DROP ROLE no_maker")


def test_a_connection_is_tested_before_use_only_when_it_has_rested(
    warehouse: Engine, warehouse_url: str
) -> None:
    made, began = engine(warehouse_url, pool_size=1), time.monotonic()
    used = one(made, "SELECT pg_backend_pid()")
    asked = text("SELECT query FROM pg_stat_activity WHERE pid = :pid")

    def last_query() -> object:
        with made.connect(), warehouse.connect() as watcher:
            return watcher.execute(asked, {"pid": used}).scalar_one()

    assert last_query() == "ROLLBACK" or time.monotonic() - began > RESTED_SECONDS
    time.sleep(RESTED_SECONDS)
    assert last_query() == "SELECT 1"
    made.dispose()
