-- Takes people away again. Children go first, and users itself only if nothing older lives in it.

drop table if exists public.user_locations;
drop table if exists public.email_verifications;
drop table if exists public.sessions;

-- A users table with a foreign column or with columns the up file had to add was there before: it stays with its rows,
-- and gives back only what was added.
do $$
declare
  ours constant text[] := array[
    'user_id', 'name', 'gender', 'account_type', 'email', 'email_verified_at', 'usc_id', 'payment_status', 'selfie_url',
    'video_url', 'instagram_posts', 'timer_total_seconds', 'total_points', 'qr_unlocked_at', 'created_at', 'updated_at'
  ];
  present text[];
  added   text[];
  name    text;
begin
  if to_regclass('public.users') is null then
    return;
  end if;

  select array_agg(attname::text),
         coalesce(array_agg(attname::text) filter (
           where col_description(attrelid, attnum) = 'added by 0001_add-users-and-sessions'
         ), '{}')
  into present, added
  from pg_attribute
  where attrelid = 'public.users'::regclass and attnum > 0 and not attisdropped;

  if added = '{}' and present <@ ours then
    drop table public.users;
    return;
  end if;

  if to_regclass('public.users_email_lower_key') is not null then
    drop index public.users_email_lower_key;
  end if;
  -- Under this name an older table may hold a constraint of its own, which an index of ours never is.
  if to_regclass('public.users_usc_id_key') is not null
     and not exists (select from pg_constraint where conindid = to_regclass('public.users_usc_id_key')) then
    drop index public.users_usc_id_key;
  end if;
  foreach name in array added loop
    execute format('alter table public.users drop column %I', name);
  end loop;
end
$$;
