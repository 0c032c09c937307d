SELECT count(*) FILTER (WHERE expires_at > $1::timestamptz)::float8  AS live,
       count(*) FILTER (WHERE expires_at <= $1::timestamptz)::float8 AS expired,
       coalesce(format('the last one ends %s', to_char(max(expires_at) FILTER (WHERE expires_at > $1::timestamptz)
                                                       AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')), '') AS detail
  FROM public.cooldowns
