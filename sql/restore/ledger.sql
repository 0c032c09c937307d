-- What of a restore is done: a row comes with the transaction that does it. Dropped at its end.
CREATE SCHEMA roomctl_restore;
CREATE TABLE roomctl_restore.ledger (
    backup  text NOT NULL,
    step    text NOT NULL,
    done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ledger_pkey PRIMARY KEY (backup, step)
);
-- What a crash of the server empties: rows of unlogged tables, and so also what is known of them.
CREATE UNLOGGED TABLE roomctl_restore.unlogged_ledger (
    backup  text NOT NULL,
    step    text NOT NULL,
    done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT unlogged_ledger_pkey PRIMARY KEY (backup, step)
);
