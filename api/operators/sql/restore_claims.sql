-- The names that somebody holds: the last event of each claim that was ever theirs, where it claims.
select c.state from stored_events c
where c.topic = 'claim.claimed'
  and convert_from(c.state, 'UTF8')::jsonb->>'holder' = %(holder)s
  and not exists (select from stored_events later
                  where later.originator_id = c.originator_id
                    and later.originator_version > c.originator_version)
