-- What was announced after epoch $1, with the number of tombstones of each table.
SELECT epochs.epoch::int, epochs.kind, epochs.operation::int, epochs.at,
       coalesce((SELECT json_agg(json_build_object('table', one.item ->> 'table', 'change', one.item ->> 'change',
                                                   'tombstones', (SELECT count(*) FROM roomctl.tombstones
                                                                   WHERE tombstones.epoch = epochs.epoch
                                                                     AND tombstones.table_name = one.item ->> 'table'))
                                 ORDER BY one.position)
                   FROM jsonb_array_elements(epochs.tables) WITH ORDINALITY AS one (item, position)), '[]') AS tables
  FROM roomctl.epochs
 WHERE epochs.epoch > $1
 ORDER BY epochs.epoch
