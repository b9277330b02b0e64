-- Whoever has the turn, and holds the lease of its generation, works on it from now on.
with turn as (
    select from projector_lease where name = %(turn)s and epoch = %(epoch)s for share
)
update rebuilds set state = 'running', started_at = clock_timestamp(), error = null
from turn
where id = %(id)s and state in ('requested', 'running', 'stopped')
returning to_jsonb(rebuilds)
