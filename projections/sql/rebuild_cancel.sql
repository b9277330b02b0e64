-- Whoever works on this rebuild stops, and leaves nothing of its generation; no row when it is over already.
update rebuilds set is_cancelled = true
where id = %(id)s and state in ('requested', 'running', 'stopped', 'kept')
returning to_jsonb(rebuilds)
