-- Begin to carry the nearest model before a place on to that place, if nobody can be reading it any more.
update moments m
set position = %(position)s, event_id = nullif(%(event_id)s, '')::uuid, state = 'building', epoch = m.epoch + 1,
    asked_by = %(asked_by)s, until = clock_timestamp() + make_interval(secs => %(ttl_s)s::double precision),
    used_at = clock_timestamp()
from (
    select number, position from moments
    where state = 'ready' and fingerprint = %(fingerprint)s
      and position between greatest(%(position)s::bigint - %(events_max)s::bigint, 1) and %(position)s::bigint - 1
      and used_at < clock_timestamp() - make_interval(secs => %(unread_s)s::double precision)
      and exists (select from stored_events e
                  where e.notification_id = moments.position and e.event_id = moments.event_id)
    order by position desc limit 1
) base
where m.number = base.number
returning m.number, m.epoch, base.position
