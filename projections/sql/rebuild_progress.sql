-- Tell how far a rebuild is, and learn whether it shall go on; no row when another process has had the turn
-- since, or it is over already. A rate that is not known leaves the one of an earlier run.
with turn as (
    select from projector_lease where name = %(turn)s and epoch = %(epoch)s for share
)
update rebuilds set phase = %(phase)s, done = %(done)s, total = %(total)s,
    events_per_s = coalesce(%(events_per_s)s, events_per_s)
from turn
where id = %(id)s and state in ('requested', 'running', 'stopped', 'kept')
returning is_cancelled
