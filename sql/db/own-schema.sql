-- What roomctl itself keeps in a database. Never wiped. Every statement can run again.
CREATE SCHEMA IF NOT EXISTS roomctl;

-- Applied migrations; the shape is node-pg-migrate's.
CREATE TABLE IF NOT EXISTS roomctl.migrations (
    id     serial PRIMARY KEY,
    name   varchar(255) NOT NULL,
    run_on timestamp NOT NULL
);

-- Every attempt to run a migration, written before it starts: a row that stays 'running' was interrupted.
CREATE TABLE IF NOT EXISTS roomctl.migration_runs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    direction    text NOT NULL CHECK (direction IN ('up', 'down')),
    state        text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    attempt      integer NOT NULL,
    checksum     text NOT NULL,
    tool_version text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz,
    error        text
);
CREATE INDEX IF NOT EXISTS migration_runs_name ON roomctl.migration_runs (name, id);

-- What kind of environment this database belongs to; one row at most.
CREATE TABLE IF NOT EXISTS roomctl.marker (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    environment text NOT NULL CHECK (environment IN ('development', 'staging', 'production')),
    marked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    marked_by   text NOT NULL DEFAULT session_user
);

-- What roomctl did to the data: who, when, by which plan, with which result.
CREATE TABLE IF NOT EXISTS roomctl.operations (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    role         text NOT NULL DEFAULT session_user,
    os_user      text NOT NULL,
    host         text NOT NULL,
    tool_version text NOT NULL,
    plan         jsonb NOT NULL,
    result       jsonb NOT NULL
);
