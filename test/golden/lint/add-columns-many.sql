ALTER TABLE users
  ADD COLUMN IF NOT EXISTS locale text NOT NULL DEFAULT 'en',
  ADD COLUMN IF NOT EXISTS token uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN IF NOT EXISTS seen_at timestamptz DEFAULT now(),
  ADD COLUMN IF NOT EXISTS number serial,
  ADD COLUMN phone text NOT NULL;
