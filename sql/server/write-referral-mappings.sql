-- Intro links ($1), under the epoch $2. A link whose target is gone has nowhere to lead; one whose maker is gone works on.
WITH owner AS MATERIALIZED (
    {owner}
), given AS MATERIALIZED (
    SELECT given.*
      FROM json_to_recordset($1::json) AS given (
           referral_code text, target_user_id uuid, created_by_user_id uuid, target_name text, created_by_name text,
           created_at timestamptz, deleted boolean)
     CROSS JOIN owner
     WHERE NOT given.deleted
), people AS MATERIALIZED (
    -- Whoever is being deleted right now is waited for, and is then gone.
    SELECT user_id
      FROM public.users
     WHERE user_id IN (SELECT target_user_id FROM given UNION ALL SELECT created_by_user_id FROM given)
     ORDER BY user_id
       FOR KEY SHARE
), written AS (
    INSERT INTO public.referral_mappings
           (referral_code, target_user_id, created_by_user_id, target_name, created_by_name, created_at)
    SELECT given.referral_code, target.user_id, maker.user_id, given.target_name, given.created_by_name, given.created_at
      FROM given
      JOIN people AS target ON target.user_id = given.target_user_id
      LEFT JOIN people AS maker ON maker.user_id = given.created_by_user_id
     ORDER BY given.referral_code
        ON CONFLICT (referral_code) DO UPDATE
       SET target_name = excluded.target_name, created_by_name = excluded.created_by_name, updated_at = now()
    RETURNING 1
)
SELECT EXISTS (SELECT FROM owner) AS owned, (SELECT count(*) FROM written)::integer AS written
