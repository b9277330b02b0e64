-- Only one claim at a time: what is counted stays so until it is written.
select pg_advisory_xact_lock(1952543859, 4)
