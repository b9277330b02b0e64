-- What became of a rebuild; no row when another process has had the turn since, or it is over already.
with turn as (
    select from projector_lease where name = %(turn)s and epoch = %(epoch)s for share
)
update rebuilds
set state = %(state)s, report = coalesce(%(report)s::jsonb, report), error = %(error)s,
    finished_at = clock_timestamp()
from turn
where id = %(id)s and state in ('requested', 'running', 'stopped', 'kept')
returning to_jsonb(rebuilds)
