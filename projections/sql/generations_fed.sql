-- The generations of this folding code that follow the log, and whether an operator has paused folding:
-- the last word that the log has on that counts.
select id, is_current, coalesce((
    select topic = 'operator.projection_paused' from stored_events
    where originator_id = 'operations'
      and topic in ('operator.projection_paused', 'operator.projection_resumed')
    order by originator_version desc limit 1
), false) as is_paused
from generations
where fingerprint = %(fingerprint)s and state <> 'removed'
  and (is_current or fed_until > clock_timestamp())
