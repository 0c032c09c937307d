INSERT INTO public.user_locations (user_id, lat, lon, accuracy, at)
SELECT user_id, $2::float8, $3::float8, $4::float8, now()
  FROM public.users
 WHERE user_id = $1::uuid
    ON CONFLICT (user_id) DO UPDATE
   SET lat = excluded.lat, lon = excluded.lon, accuracy = excluded.accuracy, at = excluded.at, updated_at = now()
