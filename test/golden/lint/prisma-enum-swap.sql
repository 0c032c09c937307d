BEGIN;
CREATE TYPE "mood_new" AS ENUM ('sad', 'fine');
ALTER TABLE "users" ALTER COLUMN "status" TYPE "mood_new" USING ("status"::text::"mood_new");
ALTER TYPE "mood" RENAME TO "mood_old";
ALTER TYPE "mood_new" RENAME TO "mood";
DROP TYPE "mood_old";
COMMIT;
