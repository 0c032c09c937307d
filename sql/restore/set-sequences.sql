-- Puts sequences where they were, exactly: the next value is the one that the source would have handed out.
SELECT setval(format('%I.%I', saved.schema, saved.name)::regclass, saved."lastValue", saved."isCalled")
  FROM json_to_recordset($1) AS saved (schema text, name text, "lastValue" bigint, "isCalled" boolean)
