-- Onboarding records the selfie, then the video, then finalizes: a guest with both and no card stopped at the last step.
SELECT 'user ' || guest.user_id || ', since ' || to_char(guest.created_at, 'YYYY-MM-DD HH24:MI') AS subject
  FROM public.users AS guest
 WHERE guest.account_type = 'guest'
   AND guest.usc_id IS NULL
   AND guest.selfie_url IS NOT NULL
   AND guest.video_url IS NOT NULL
   AND guest.updated_at < now() - interval '1 hour'
   AND NOT EXISTS (SELECT FROM public.usc_card_registrations AS card WHERE card.user_id = guest.user_id)
 ORDER BY guest.created_at
