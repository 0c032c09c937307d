-- Inside of a transaction, what the beginning of a new session would do to what the last script set.
RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; DEALLOCATE ALL; DISCARD TEMP; SET LOCAL jit = off
