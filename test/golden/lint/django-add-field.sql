BEGIN;
--
-- Add field locale to user
--
ALTER TABLE "users" ADD COLUMN "locale" varchar(8) DEFAULT 'en' NOT NULL;
ALTER TABLE "users" ALTER COLUMN "locale" DROP DEFAULT;
COMMIT;
