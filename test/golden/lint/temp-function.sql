CREATE FUNCTION pg_temp.slug(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(t) $$;
UPDATE rooms SET title = pg_temp.slug(title) WHERE title <> pg_temp.slug(title);
