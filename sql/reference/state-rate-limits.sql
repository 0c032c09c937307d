SELECT count(*) FILTER (WHERE expires_at > $1::timestamptz)::float8  AS live,
       count(*) FILTER (WHERE expires_at <= $1::timestamptz)::float8 AS expired,
       ''                                                            AS detail
  FROM public.rate_limits
