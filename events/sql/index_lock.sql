-- Be the only one who fills the index until this transaction ends, and let what it costs stay small:
-- a batch that is lost is filled again, so nobody waits for the disk.
select set_config('synchronous_commit', 'off', true), set_config('work_mem', %(work_memory)s, true),
       pg_try_advisory_xact_lock(1952543859, 3)
