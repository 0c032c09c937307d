-- Finalize writes the card's row and users.usc_id in one transaction, so one half alone means that it never ran to its
-- end: something else wrote, or a restore brought back only one of the two tables.
SELECT 'card ' || card.usc_id || ' is registered, but ' ||
       CASE WHEN card.registered_at IS NULL THEN 'not finished'
            WHEN holder.usc_id IS NULL THEN 'user ' || holder.user_id || ' has no card'
            ELSE 'user ' || holder.user_id || ' has card ' || holder.usc_id END AS subject
  FROM public.usc_card_registrations AS card
  JOIN public.users AS holder USING (user_id)
 WHERE card.registered_at IS NULL OR holder.usc_id IS DISTINCT FROM card.usc_id
UNION ALL
SELECT 'user ' || holder.user_id || ' has card ' || holder.usc_id || ', but it is not registered'
  FROM public.users AS holder
 WHERE holder.usc_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM public.usc_card_registrations AS card WHERE card.usc_id = holder.usc_id)
   AND NOT EXISTS (SELECT FROM public.usc_card_registrations AS card WHERE card.user_id = holder.user_id)
 ORDER BY 1
