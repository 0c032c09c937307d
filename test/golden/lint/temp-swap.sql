CREATE TEMP TABLE staging AS SELECT id, lower(email) AS email FROM users;
UPDATE users u SET email = s.email FROM staging s WHERE s.id = u.id AND u.email <> s.email;
DROP TABLE staging;
