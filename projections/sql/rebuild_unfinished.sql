-- The one rebuild of this folding code that is not finished, if there is one.
select to_jsonb(r) from rebuilds r
where fingerprint = %(fingerprint)s and state in ('requested', 'running', 'stopped', 'kept')
