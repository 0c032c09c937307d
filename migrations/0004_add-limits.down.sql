-- Takes the limits away again. An older users.cooldowns keeps its maps.

drop table if exists public.rate_limits;
drop table if exists public.cooldowns;
