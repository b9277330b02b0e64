-- Go on with a rebuild that is not finished, here and for these ends, on behalf of whoever asks now.
update rebuilds
set state = 'requested', runs_in = %(runs_in)s, purpose = %(purpose)s, switch_if = %(switch_if)s,
    asked_by = %(asked_by)s, reason = %(reason)s, report = null, error = null, finished_at = null,
    started_at = clock_timestamp()
where id = %(id)s and not is_cancelled and state in ('requested', 'running', 'stopped', 'kept')
returning to_jsonb(rebuilds)
