-- Whether this log is empty, and stays so until this transaction ends: nobody appends without this lock.
select not exists (select from stored_events)
from (select pg_advisory_xact_lock(1952543859, 1)) as locked
