-- A believable room app in one file: 2,000 people, 300 of their calls running right now, and a week of history.
-- Everything is derived from md5 of a label and a number, so two seeds differ in nothing but the clock: times count
-- back from now(), because only fresh rooms can be recovered. Run it in one transaction, on an empty app.

do $$
begin
  if exists (select from public.users) then
    raise exception 'The demo data needs an empty app, and public.users has rows.'
      using hint = 'Use a new database, or wipe this one first.';
  end if;
end
$$;

-- A UUID that looks like any other (version 4), and a whole number in [0, size).
create function pg_temp.seed_id(label text) returns uuid language sql immutable as $$
  select overlay(overlay(md5(label) placing '4' from 13) placing 'a' from 17)::uuid
$$;

create function pg_temp.seed_pick(label text, size integer) returns integer language sql immutable as $$
  select ('x' || substr(md5(label), 1, 7))::bit(28)::integer % size
$$;

create function pg_temp.seed_hash(label text) returns text language sql immutable as $$
  select encode(sha256(convert_to(label, 'UTF8')), 'hex')
$$;

create function pg_temp.seed_line(label text) returns text language sql immutable as $$
  select (array[
    'hey!', 'hi, how is your day going?', 'same here', 'haha true', 'what are you studying?', 'film, third year',
    'I should be writing an essay right now', 'which dorm are you in?', 'do you know the cafe by the library?',
    'their cold brew is the only reason I pass midterms', 'wait, really?', 'no way', 'tell me more', 'brb one second',
    'ok back', 'are you going to the game on Saturday?', 'maybe, if my roommate drives', 'what music are you into?',
    'you have good taste', 'we should do a study session'
  ])[1 + pg_temp.seed_pick(label, 20)]
$$;

-- People ------------------------------------------------------------------------------------------

-- Three in five are permanent; every fourth came in by USC card. Finalize never ran for users 4, 8 and 12: the first
-- two have a card row but no usc_id, the third has a usc_id but no card row. The audit is meant to find these three.
insert into public.users (
  user_id, name, gender, account_type, email, email_verified_at, usc_id, payment_status, selfie_url, video_url,
  instagram_posts, qr_unlocked_at, created_at, updated_at
)
select pg_temp.seed_id('user ' || i),
       person.name,
       (array['female', 'male', 'nonbinary', 'unspecified'])[1 + pg_temp.seed_pick('gender ' || i, 20) / 6],
       case when i % 5 < 3 then 'permanent' else 'guest' end,
       case
         when i % 5 < 3 and i % 8 = 0 then lower(person.name) || '.' || i || '@usc.edu'
         when i % 5 < 3 then lower(person.name) || '.' || i || '@mail.example'
       end,
       case when i % 5 < 3 and (i % 8 = 0 or i % 7 > 0) then joined.at + interval '4 minutes' end,
       case when i % 4 = 0 and i not in (4, 8) then (1000000000 + i * 7919)::text end,
       person.payment,
       case when i % 3 > 0 or i % 4 = 0 then 'https://media.example/selfie/' || i || '.jpg' end,
       case when i % 4 = 0 then 'https://media.example/video/' || i || '.mp4' end,
       case
         when i % 6 = 0 then (
           select jsonb_agg('https://www.instagram.com/p/' || substr(md5('post ' || i || ' ' || n), 1, 11) order by n)
           from generate_series(1, 1 + i % 3) n
         )
         else '[]'
       end,
       case when person.payment = 'qr_verified' then joined.at + interval '3 days' end,
       joined.at,
       joined.at
from generate_series(1, 2000) i
cross join lateral (
  select (array[
           'Maya', 'Liam', 'Noah', 'Ava', 'Zoe', 'Ethan', 'Priya', 'Diego', 'Sofia', 'Kai', 'Hana', 'Omar', 'Ines',
           'Theo', 'Lena', 'Marcus', 'Yuki', 'Nadia', 'Felix', 'Amara', 'Jonas', 'Camila', 'Ravi', 'Elena', 'Tariq',
           'Mina', 'Oscar', 'Leila', 'Hugo', 'Aisha', 'Mateo', 'Clara', 'Jin', 'Freya', 'Andre', 'Talia', 'Soren',
           'Bianca'
         ])[1 + pg_temp.seed_pick('name ' || i, 38)] as name,
         (array[
           'unpaid', 'unpaid', 'unpaid', 'unpaid', 'unpaid', 'paid', 'paid', 'paid', 'qr_verified', 'qr_verified',
           'pending', 'refunded'
         ])[1 + pg_temp.seed_pick('payment ' || i, 12)] as payment
) person
cross join lateral (
  select now() - interval '7 days' - pg_temp.seed_pick('joined ' || i, 170 * 86400) * interval '1 second' as at
) joined;

-- Everyone has one running session; every third also has one that ended, by signing out or by expiry.
insert into public.sessions (
  session_token, user_id, expires_at, device_info, ip, revoked_at, created_at, updated_at
)
select pg_temp.seed_hash('session ' || i || ' ' || n),
       pg_temp.seed_id('user ' || i),
       begun.at + interval '30 days',
       jsonb_build_object(
         'browser', (array['Chrome', 'Safari', 'Firefox'])[1 + pg_temp.seed_pick('browser ' || i, 3)],
         'mobile', pg_temp.seed_pick('mobile ' || i, 2) = 1
       ),
       ('100.64.' || i / 250 || '.' || 1 + i % 250)::inet,
       case when n = 2 and i % 2 = 0 then begun.at + interval '2 days' end,
       begun.at,
       begun.at
from generate_series(1, 2000) i
cross join generate_series(1, case when i % 3 = 0 then 2 else 1 end) n
cross join lateral (
  select now() - case n when 1 then interval '0' else interval '33 days' end
       - pg_temp.seed_pick('session ' || i, 6 * 86400) * interval '1 second' as at
) begun;

-- A USC address was verified before its account became permanent; some others are still trying, or have given up.
insert into public.email_verifications (
  id, user_id, email, code_hash, expires_at, attempts, verified_at, created_at, updated_at
)
select pg_temp.seed_id('verification ' || i),
       u.user_id,
       coalesce(u.email, 'pending.' || i || '@usc.edu'),
       pg_temp.seed_hash('code ' || i),
       asked.at + interval '10 minutes',
       case when u.email is not null then 1 else i % 6 end,
       u.email_verified_at,
       asked.at,
       asked.at
from generate_series(1, 2000) i
join public.users u on u.user_id = pg_temp.seed_id('user ' || i)
cross join lateral (
  select coalesce(u.email_verified_at - interval '2 minutes', now() - i * interval '1 second') as at
) asked
where (u.email like '%@usc.edu') or (u.email is null and i % 40 = 3);

insert into public.user_locations (user_id, lat, lon, accuracy, at)
select pg_temp.seed_id('user ' || i),
       34.0224 + (pg_temp.seed_pick('lat ' || i, 4000) - 2000) / 100000.0,
       -118.2851 + (pg_temp.seed_pick('lon ' || i, 4000) - 2000) / 100000.0,
       5 + pg_temp.seed_pick('accuracy ' || i, 60),
       now() - pg_temp.seed_pick('located ' || i, 86400) * interval '1 second'
from generate_series(1, 2000, 3) i;

-- Servers and running rooms -----------------------------------------------------------------------

insert into public.server_instances (epoch, host, pid, started_at, heartbeat_at, stopped_at, created_at, updated_at)
values
  (41, 'rooms-1', 3177, now() - interval '3 days', now() - interval '16 minutes', now() - interval '15 minutes',
   now() - interval '3 days', now() - interval '15 minutes'),
  (42, 'rooms-1', 4242, now() - interval '14 minutes', now() - interval '2 minutes', null,
   now() - interval '14 minutes', now() - interval '2 minutes');

-- Room r is between users 2r - 1 and 2r, a text room when r is even. 1 to 240 are running, 241 to 280 wait for a side
-- to come back, for 281 to 290 nobody came in time, and 291 to 300 were left behind by the server before this one.
insert into public.active_rooms (
  room_id, user_1, user_2, started_at, duration_seconds, chat_mode, status, user_1_connected, user_2_connected,
  grace_expires_at, owner_epoch, version, created_at, updated_at
)
select pg_temp.seed_id('room ' || r),
       pg_temp.seed_id('user ' || 2 * r - 1),
       pg_temp.seed_id('user ' || 2 * r),
       begun.at,
       900,
       case when r % 2 = 0 then 'text' else 'video' end,
       case when grace.expires_at is null then 'active' else 'grace_period' end,
       grace.expires_at is null or r % 4 > 1,
       grace.expires_at is null or r % 4 < 2,
       grace.expires_at,
       case when r > 290 then 41 else 42 end,
       10 + pg_temp.seed_pick('version ' || r, 90),
       begun.at,
       touched.at
from generate_series(1, 300) r
cross join lateral (
  select case
    when r between 241 and 280 then now() + interval '5 seconds' + r % 6 * interval '1 second'
    when r between 281 and 290 then now() - (r - 280) * interval '20 seconds'
  end as expires_at
) grace
cross join lateral (
  select case
    when grace.expires_at is not null then grace.expires_at - interval '10 seconds'
    when r > 290 then now() - interval '16 minutes' - (r - 290) * interval '1 minute'
    else now() - pg_temp.seed_pick('touched ' || r, 40) * interval '1 second'
  end as at
) touched
cross join lateral (
  select touched.at - interval '1 minute' - pg_temp.seed_pick('begun ' || r, 480) * interval '1 second' as at
) begun;

-- Calls of the past week --------------------------------------------------------------------------

-- Past room p is the p-th most recent: about 1,000 in the last 24 hours, thinning out before. Whoever is in a room now
-- was in none of the last 150. Both sides get a completion, the oldest room the lowest ids.
insert into public.session_completions (
  id, user_id, partner_user_id, room_id, duration_seconds, completed_at, created_at, updated_at
)
select 2 * (2500 - p) + side,
       case side when 1 then pair.a else pair.b end,
       case side when 1 then pair.b else pair.a end,
       pg_temp.seed_id('past room ' || p),
       60 + pg_temp.seed_pick('length ' || p, 840),
       ended.at,
       ended.at,
       ended.at
from generate_series(1, 2500) p
cross join generate_series(1, 2) side
cross join lateral (
  select case when p <= 150 then 601 else 1 end as lowest, case when p <= 150 then 1400 else 2000 end as people
) crowd
cross join lateral (
  select pg_temp.seed_id('user ' || lowest + one) as a,
         pg_temp.seed_id('user ' || lowest + (one + 1 + pg_temp.seed_pick('b ' || p, people - 1)) % people) as b
  from pg_temp.seed_pick('a ' || p, people) one
) pair
cross join lateral (select now() - (120 + p + 0.0864 * p * p) * interval '1 second' as at) ended
order by 1;

do $$
begin
  perform setval('public.session_completions_id_seq', 5000);
end
$$;

-- Messages 1 to 6,000 belong to the 150 running text rooms, the rest to the 400 text rooms among the last 1,500.
-- Four of fifteen past rooms are text rooms; in each room the messages are spread evenly over its life.
insert into public.text_chat_messages (id, room_id, sender_user_id, body, sent_at, sequence, created_at, updated_at)
select pg_temp.seed_id('message ' || m.n),
       m.room_id,
       case when pg_temp.seed_pick('sender ' || m.n, 2) = 0 then room.user_1 else room.user_2 end,
       pg_temp.seed_line('line ' || m.n),
       sent.at,
       m.sequence,
       sent.at,
       sent.at
from (
  select n,
         room_id,
         row_number() over (partition by room_id order by n) as sequence,
         count(*) over (partition by room_id) as messages
  from generate_series(1, 20000) n
  cross join lateral (select pg_temp.seed_pick('room of ' || n, case when n <= 6000 then 150 else 400 end) as k) pick
  cross join lateral (
    select case
      when n <= 6000 then pg_temp.seed_id('room ' || 2 * (1 + k))
      else pg_temp.seed_id('past room ' || k / 4 * 15 + (array[2, 5, 9, 13])[1 + k % 4])
    end as room_id
  ) room
) m
join (
  select room_id, user_1, user_2, started_at, updated_at as last_at
  from public.active_rooms
  union all
  select room_id, user_id, partner_user_id, completed_at - duration_seconds * interval '1 second', completed_at
  from public.session_completions
  where id % 2 = 1
) room on room.room_id = m.room_id
cross join lateral (
  select room.started_at + (room.last_at - room.started_at) * (m.sequence / m.messages::double precision) as at
) sent;

insert into public.text_room_activity (
  room_id, user_1_last_message_at, user_2_last_message_at, warning_started_at, created_at, updated_at
)
select r.room_id,
       max(m.sent_at) filter (where m.sender_user_id = r.user_1),
       max(m.sent_at) filter (where m.sender_user_id = r.user_2),
       case when max(m.sequence) % 10 = 0 then max(m.sent_at) end,
       r.started_at,
       r.updated_at
from public.active_rooms r
join public.text_chat_messages m on m.room_id = r.room_id
where r.chat_mode = 'text'
group by r.room_id;

-- History is kept for the last 1,500 rooms, both sides of each; text rooms carry what was said.
insert into public.chat_history (
  id, user_id, partner_user_id, room_id, started_at, duration_seconds, messages, chat_mode, created_at, updated_at
)
select pg_temp.seed_id('history ' || c.id),
       c.user_id,
       c.partner_user_id,
       c.room_id,
       c.completed_at - c.duration_seconds * interval '1 second',
       c.duration_seconds,
       coalesce(said.messages, '[]'),
       case when said.messages is null then 'video' else 'text' end,
       c.completed_at,
       c.completed_at
from public.session_completions c
left join (
  select room_id,
         jsonb_agg(
           jsonb_build_object('senderUserId', sender_user_id, 'body', body, 'sentAt', sent_at, 'sequence', sequence)
           order by sequence
         ) as messages
  from public.text_chat_messages
  group by room_id
) said on said.room_id = c.room_id
where c.id > 2000;

-- Limits ------------------------------------------------------------------------------------------

-- The last 1,500 calls each left a cooldown of 24 hours; the older third has run out and waits to be pruned.
insert into public.cooldowns (user_low, user_high, expires_at, created_at, updated_at)
select least(user_id, partner_user_id),
       greatest(user_id, partner_user_id),
       max(completed_at) + interval '24 hours',
       min(completed_at),
       max(completed_at)
from public.session_completions
where id > 2000 and id % 2 = 1
group by 1, 2;

insert into public.rate_limits (key, window_start, count, expires_at)
select case k % 3
         when 0 then 'message:user:' || pg_temp.seed_id('user ' || k)
         when 1 then 'invite:user:' || pg_temp.seed_id('user ' || k)
         else 'scan:ip:100.64.0.' || k
       end,
       opened.at,
       1 + pg_temp.seed_pick('hits ' || k, 12),
       opened.at + interval '10 minutes'
from generate_series(1, 150) k
cross join lateral (select date_trunc('minute', now()) - k % 12 * interval '1 minute' as at) opened;

-- Moderation --------------------------------------------------------------------------------------

insert into public.reports (
  report_id, reporter_user_id, reported_user_id, room_id, reason, session_data, status, created_at, updated_at
)
select numbered.report_id,
       numbered.user_id,
       numbered.partner_user_id,
       numbered.room_id,
       (array['harassment', 'nudity', 'spam', 'underage', 'hate speech'])[1 + numbered.report_id % 5],
       jsonb_build_object('durationSeconds', numbered.duration_seconds, 'note', 'sent from the call screen'),
       (array['dismissed', 'upheld', 'pending'])[1 + numbered.report_id % 3],
       numbered.completed_at,
       numbered.completed_at
from (
  select c.*, row_number() over (order by c.id) as report_id
  from public.session_completions c
  where c.id % 40 = 0
    and not exists (select from public.active_rooms r where c.partner_user_id in (r.user_1, r.user_2))
) numbered
where numbered.report_id <= 60;

do $$
begin
  perform setval('public.reports_report_id_seq', 60);
end
$$;

-- 20 bans follow from upheld reports, 20 were given by hand; among them lifted ones, expired ones and open ones.
insert into public.user_bans (id, user_id, kind, reason, expires_at, lifted_at, report_id, created_at, updated_at)
select pg_temp.seed_id('ban ' || k),
       coalesce(r.reported_user_id, pg_temp.seed_id('user ' || 1960 + k)),
       case when k % 4 = 0 then 'permanent' else 'temporary' end,
       coalesce(r.reason, 'repeated complaints'),
       case when k % 4 in (1, 2) then banned.at + k % 4 * interval '3 days' end,
       case when k % 10 = 7 then banned.at + interval '12 hours' end,
       r.report_id,
       banned.at,
       banned.at
from generate_series(1, 40) k
left join public.reports r on r.report_id = 3 * k - 2 and k <= 20
cross join lateral (
  select coalesce(r.created_at + interval '1 hour', now() - k * interval '5 hours') as at
) banned;

insert into public.ip_bans (id, ip, reason, expires_at)
select pg_temp.seed_id('ip ban ' || k),
       case when k = 20 then inet '198.51.100.0/24' else ('203.0.113.' || 10 * k)::inet end,
       case when k % 3 = 0 then 'card scanning by script' else 'ban evasion' end,
       case when k % 4 > 0 then now() + (k - 5) * interval '1 day' end
from generate_series(1, 20) k;

-- Ways in -----------------------------------------------------------------------------------------

insert into public.invite_codes (code, created_by, max_uses, uses, expires_at, kind, created_at, updated_at)
select upper(substr(md5('invite ' || k), 1, 10)),
       case when k <= 185 then pg_temp.seed_id('user ' || 5 * k) end,
       capacity.max_uses,
       case when k % 7 = 0 then capacity.max_uses else pg_temp.seed_pick('uses ' || k, capacity.max_uses + 1) end,
       case when k % 3 > 0 then now() + (k - 40) * interval '6 hours' end,
       case when k % 2 = 0 then 'invite' else 'qr' end,
       now() - k * interval '9 hours',
       now() - k * interval '4 hours'
from generate_series(1, 200) k
cross join lateral (select (array[1, 4, 10, 50])[1 + k % 4] as max_uses) capacity;

insert into public.usc_card_registrations (usc_id, user_id, first_scanned_at, registered_at, created_at, updated_at)
select (1000000000 + i * 7919)::text,
       u.user_id,
       u.created_at - interval '1 minute',
       u.created_at + interval '5 minutes',
       u.created_at + interval '5 minutes',
       u.created_at + interval '5 minutes'
from generate_series(4, 2000, 4) i
join public.users u on u.user_id = pg_temp.seed_id('user ' || i)
where i <> 12;

-- The first scan of each card, and then those that were turned away.
insert into public.usc_scan_attempts (id, usc_id, ip, outcome, at, created_at, updated_at)
select pg_temp.seed_id('scan ' || i),
       case when scan.outcome = 'invalid' then 'unreadable-' || i else (1000000000 + i * 7919)::text end,
       ('100.64.' || i / 250 || '.' || 1 + i % 250)::inet,
       coalesce(scan.outcome, 'accepted'),
       scanned.at,
       scanned.at,
       scanned.at
from (
  select i, null as outcome from generate_series(4, 2000, 4) i
  union all
  select i, (array['already_registered', 'invalid', 'rate_limited', 'already_registered'])[1 + i / 8 % 4]
  from generate_series(2008, 4000, 8) i
) scan
left join public.users u on u.user_id = pg_temp.seed_id('user ' || i)
cross join lateral (
  select coalesce(u.created_at - interval '1 minute', now() - i * interval '90 seconds') as at
) scanned;

insert into public.referral_mappings (
  referral_code, target_user_id, created_by_user_id, target_name, created_by_name, created_at, updated_at
)
select 'ref-' || substr(md5('referral ' || k), 1, 12),
       target.user_id,
       creator.user_id,
       target.name,
       creator.name,
       now() - k * interval '20 minutes',
       now() - k * interval '20 minutes'
from generate_series(1, 400) k
cross join lateral (
  select pg_temp.seed_id('user ' || 1 + pg_temp.seed_pick('target ' || k, 1000)) as target_id,
         pg_temp.seed_id('user ' || 1001 + pg_temp.seed_pick('creator ' || k, 1000)) as creator_id
) pair
join public.users target on target.user_id = pair.target_id
join public.users creator on creator.user_id = pair.creator_id;

insert into public.referral_notifications (
  id, target_user_id, from_user_id, referral_code, message, read_at, created_at, updated_at
)
select pg_temp.seed_id('notification ' || m.referral_code),
       m.target_user_id,
       m.created_by_user_id,
       m.referral_code,
       m.created_by_name || ' wants to introduce someone to you',
       case when draw.n % 3 = 0 then m.created_at + interval '15 minutes' end,
       m.created_at + interval '2 minutes',
       m.created_at + interval '2 minutes'
from public.referral_mappings m
cross join lateral (select pg_temp.seed_pick(m.referral_code, 12) as n) draw
where draw.n % 4 > 0;

-- Study corner ------------------------------------------------------------------------------------

insert into public.todos (id, user_id, title, done, due_at, created_at, updated_at)
select pg_temp.seed_id('todo ' || k),
       pg_temp.seed_id('user ' || 1 + pg_temp.seed_pick('todo of ' || k, 2000)),
       (array['Read', 'Summarise', 'Revise', 'Practise', 'Hand in'])[1 + k % 5] || ' '
         || (array['chapter ', 'lecture ', 'problem set ', 'lab report '])[1 + k % 4] || 1 + k % 14,
       pg_temp.seed_pick('done ' || k, 3) = 0,
       case when k % 4 > 0 then date_trunc('hour', now()) + (k % 400 - 120) * interval '1 hour' end,
       now() - (k % 160 + 8) * interval '1 hour',
       now() - k % 8 * interval '1 hour'
from generate_series(1, 3000) k;

-- User k knows one user with a higher number, so no pair comes twice.
insert into public.friendships (id, user_low, user_high, requested_by, status, created_at, updated_at)
select pg_temp.seed_id('friendship ' || k),
       least(pair.a, pair.b),
       greatest(pair.a, pair.b),
       case when k % 2 = 0 then pair.a else pair.b end,
       (array['accepted', 'accepted', 'accepted', 'accepted', 'pending', 'accepted', 'blocked', 'pending'])[1 + k % 8],
       now() - k * interval '7 minutes',
       now() - k * interval '5 minutes'
from generate_series(1, 1200) k
cross join lateral (
  select pg_temp.seed_id('user ' || k) as a,
         pg_temp.seed_id('user ' || k + 1 + pg_temp.seed_pick('friend ' || k, 799)) as b
) pair;

insert into public.direct_messages (
  id, sender_user_id, recipient_user_id, body, sent_at, read_at, created_at, updated_at
)
select pg_temp.seed_id('direct ' || f.id || ' ' || n),
       case when n % 2 = 1 then f.user_low else f.user_high end,
       case when n % 2 = 1 then f.user_high else f.user_low end,
       pg_temp.seed_line('direct ' || f.id || ' ' || n),
       sent.at,
       case when n < 3 then sent.at + interval '3 minutes' end,
       sent.at,
       sent.at
from public.friendships f
cross join generate_series(1, 3) n
cross join lateral (select f.updated_at + n * interval '1 minute' as at) sent
where f.status = 'accepted';

insert into public.daily_reports (id, user_id, day, study_hours, summary, created_at, updated_at)
select pg_temp.seed_id('report of ' || i || ' ' || n),
       pg_temp.seed_id('user ' || i),
       current_date - n,
       pg_temp.seed_pick('hours ' || i || ' ' || n, 85) / 10.0,
       (array['Got through the reading.', 'Slow start, good finish.', 'Group work until late.', ''])[1 + (i + n) % 4],
       current_date - n + interval '22 hours',
       current_date - n + interval '22 hours'
from generate_series(10, 2000, 10) i
cross join generate_series(1, 14) n;

insert into public.timer_sessions (id, user_id, started_at, ended_at, seconds, created_at, updated_at)
select pg_temp.seed_id('timer ' || i || ' ' || n),
       pg_temp.seed_id('user ' || i),
       begun.at,
       begun.at + spent.seconds * interval '1 second',
       spent.seconds,
       begun.at,
       begun.at + spent.seconds * interval '1 second'
from generate_series(2, 2000, 2) i
cross join generate_series(1, 1 + i % 5) n
cross join lateral (select now() - n * interval '1 day' - i % 12 * interval '1 hour' as at) begun
cross join lateral (select 300 + pg_temp.seed_pick('timer ' || i || ' ' || n, 6900) as seconds) spent;

-- The totals people see are the sum of their sessions, and a point stands for ten minutes.
update public.users u
set timer_total_seconds = t.seconds, total_points = t.seconds / 600
from (select user_id, sum(seconds)::integer as seconds from public.timer_sessions group by user_id) t
where t.user_id = u.user_id;

drop function pg_temp.seed_line(text);
drop function pg_temp.seed_hash(text);
drop function pg_temp.seed_pick(text, integer);
drop function pg_temp.seed_id(text);
