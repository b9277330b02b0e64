-- Models that nobody has asked for since, and those that their builders left half done.
update moments set state = 'removing'
where state <> 'removing' and (state = 'ready' or until <= clock_timestamp())
  and used_at < clock_timestamp() - make_interval(secs => %(keep_s)s::double precision)
