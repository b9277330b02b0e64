-- The model that ends at a place, whether or not it is finished; looking for it is using it.
update moments set used_at = clock_timestamp()
where position = %(position)s and event_id is not distinct from nullif(%(event_id)s, '')::uuid
  and fingerprint = %(fingerprint)s and state <> 'removing'
returning number, epoch, state, state = 'building' and until <= clock_timestamp()
