-- Takes the history of calls away again. The sequence goes by name too, in case the table it belongs to was never made.

drop table if exists public.text_chat_messages;
drop table if exists public.chat_history;
drop table if exists public.session_completions;
drop sequence if exists public.session_completions_id_seq;
