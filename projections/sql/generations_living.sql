-- All generations that are not removed, the latest first, as this folding code sees them.
select id, fingerprint = %(fingerprint)s, is_current, state,
       fingerprint = %(fingerprint)s and (is_current or coalesce(fed_until > clock_timestamp(), false)),
       to_char(fed_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       to_char(ready_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
from generations where state <> 'removed' order by id desc
