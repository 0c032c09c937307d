ALTER TABLE rooms ENABLE ROW LEVEL SECURITY;
ALTER TABLE rooms FORCE ROW LEVEL SECURITY;
CREATE POLICY rooms_owner ON rooms USING (owner_id = current_setting('app.user_id')::bigint);
CREATE POLICY rooms_insert ON rooms FOR INSERT WITH CHECK (true);
