-- Begin to build a model.
insert into moments (position, event_id, fingerprint, asked_by, until)
values (%(position)s, nullif(%(event_id)s, '')::uuid, %(fingerprint)s, %(asked_by)s,
        clock_timestamp() + make_interval(secs => %(ttl_s)s::double precision))
returning number, epoch
