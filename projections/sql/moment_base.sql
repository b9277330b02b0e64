-- The nearest model before a position, of the same log and the same code, to be copied and carried on.
select m.number, m.position from moments m
where m.state = 'ready' and m.fingerprint = %(fingerprint)s
  and m.position between greatest(%(position)s::bigint - %(events_max)s::bigint, 1) and %(position)s::bigint - 1
  and exists (select from stored_events e where e.notification_id = m.position and e.event_id = m.event_id)
order by m.position desc limit 1
