-- The scan was let in, and an hour later the card belongs to nobody: its owner left somewhere before the last step.
SELECT 'card ' || scan.usc_id || ', scanned ' || to_char(max(scan.at), 'YYYY-MM-DD HH24:MI') AS subject
  FROM public.usc_scan_attempts AS scan
 WHERE scan.outcome = 'accepted'
   AND NOT EXISTS (SELECT FROM public.usc_card_registrations AS card WHERE card.usc_id = scan.usc_id)
   AND NOT EXISTS (SELECT FROM public.users AS holder WHERE holder.usc_id = scan.usc_id)
 GROUP BY scan.usc_id
HAVING max(scan.at) < now() - interval '1 hour'
 ORDER BY max(scan.at) DESC
