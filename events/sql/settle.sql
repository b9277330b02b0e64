-- Wait for whoever appends right now: see append_group, which holds this lock until it has committed.
select pg_advisory_xact_lock_shared(1952543859, 1)
