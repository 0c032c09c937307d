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

-- Came with migrations outside of a transaction: how far one got, and what is needed to go on there.
ALTER TABLE roomctl.migration_runs
    ADD COLUMN IF NOT EXISTS is_transactional   boolean NOT NULL DEFAULT true,
    -- Recorded without having run: baseline, --fake.
    ADD COLUMN IF NOT EXISTS is_fake            boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS statements         integer,
    -- The statement that was reached, from 1, and how many before it are done for good.
    ADD COLUMN IF NOT EXISTS statement_reached  integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS statements_done    integer NOT NULL DEFAULT 0,
    -- SHA-256 of the text of those.
    ADD COLUMN IF NOT EXISTS done_checksum      text,
    -- What stood before the statement that was reached, where that tells later what it did.
    ADD COLUMN IF NOT EXISTS before_statement   jsonb,
    -- Of the app's schema after the last migration of a run.
    ADD COLUMN IF NOT EXISTS schema_fingerprint text,
    -- The first half of a redo: applying it again was to follow.
    ADD COLUMN IF NOT EXISTS is_redo            boolean NOT NULL DEFAULT false;

-- What kind of environment this database belongs to; one row at most.
CREATE TABLE IF NOT EXISTS roomctl.marker (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    environment text NOT NULL CHECK (environment IN ('development', 'staging', 'production')),
    marked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    marked_by   text NOT NULL DEFAULT session_user
);
-- Whether somebody said so, or the first migrate assumed it because nobody said anything.
ALTER TABLE roomctl.marker
    ADD COLUMN IF NOT EXISTS origin text NOT NULL DEFAULT 'said' CHECK (origin IN ('said', 'assumed'));

-- Tables that no wipe may touch, by name.
CREATE TABLE IF NOT EXISTS roomctl.protected (
    schema       text NOT NULL,
    name         text NOT NULL,
    protected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    protected_by text NOT NULL DEFAULT session_user,
    note         text,
    PRIMARY KEY (schema, name)
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

-- What a second store that is kept in step must learn of: see docs/announcements.md.
CREATE TABLE IF NOT EXISTS roomctl.epochs (
    -- 19 bits: a document's version is epoch << 44 | outbox id, in one bigint.
    epoch     bigint PRIMARY KEY CHECK (epoch BETWEEN 1 AND 524287),
    kind      text NOT NULL,
    -- The row of roomctl.operations that tells more.
    operation bigint,
    -- [{"table": "users", "change": "emptied" | "deleted" | "changed" | "restored"}]
    tables    jsonb NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Primary keys of rows that a wipe of some rows deleted, every value as text.
CREATE TABLE IF NOT EXISTS roomctl.tombstones (
    epoch      bigint NOT NULL,
    table_name text NOT NULL,
    key        jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS tombstones_epoch ON roomctl.tombstones (epoch, table_name);
