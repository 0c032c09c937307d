-- Links do not run out; one whose maker is gone keeps working by the name that it carries.
SELECT count(*)::float8 AS live,
       0::float8        AS expired,
       CASE WHEN count(*) > count(created_by_user_id)
            THEN format('%s made by users who are gone', count(*) - count(created_by_user_id)) ELSE '' END AS detail
  FROM public.referral_mappings
