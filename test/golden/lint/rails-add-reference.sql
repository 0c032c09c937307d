ALTER TABLE "messages" ADD "parent_id" bigint;
CREATE INDEX "index_messages_on_parent_id" ON "messages" ("parent_id");
ALTER TABLE "messages" ADD CONSTRAINT "fk_rails_1" FOREIGN KEY ("parent_id") REFERENCES "messages" ("id");
