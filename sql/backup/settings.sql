-- Settings under which rows and catalog facts are read: what decides the text of a value is fixed, so that the same row
-- reads the same on any server; row security fails loudly instead of hiding rows. A setting this server lacks is left out.
SELECT set_config(known.name, wanted.value, $1::boolean)
  FROM pg_catalog.pg_settings AS known
  JOIN (VALUES ('search_path', ''),
               ('row_security', 'off'),
               ('statement_timeout', '0'),
               ('transaction_timeout', '0'),
               ('idle_in_transaction_session_timeout', '0'),
               ('idle_session_timeout', '0'),
               ('DateStyle', 'ISO, MDY'),
               ('IntervalStyle', 'postgres'),
               ('TimeZone', 'UTC'),
               ('extra_float_digits', '3'),
               ('bytea_output', 'hex'),
               ('lc_monetary', 'C'),
               ('xmloption', 'content'),
               ('quote_all_identifiers', 'off'),
               ('synchronize_seqscans', 'off')) AS wanted (name, value)
    ON lower(known.name) = lower(wanted.name)
