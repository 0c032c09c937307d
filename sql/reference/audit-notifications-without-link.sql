-- The link is written in the background, so no foreign key holds it: a notification whose link never came opens nothing.
SELECT 'code ' || notification.referral_code AS subject
  FROM public.referral_notifications AS notification
 WHERE notification.created_at < now() - interval '1 minute'
   AND NOT EXISTS (SELECT FROM public.referral_mappings AS link WHERE link.referral_code = notification.referral_code)
 GROUP BY notification.referral_code
 ORDER BY notification.referral_code
