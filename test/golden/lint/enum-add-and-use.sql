ALTER TYPE mood ADD VALUE 'great';
UPDATE users SET status = 'great' WHERE id = 1;
