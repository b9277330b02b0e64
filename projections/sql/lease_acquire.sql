-- Take the lease when nobody else holds it, under an epoch above all that were ever seen. Who asks again was not told
-- that it was given.
insert into projector_lease as held (name, epoch, owner, until)
values (%(name)s, %(seen_epoch)s::bigint + 1, %(owner)s,
        clock_timestamp() + make_interval(secs => %(ttl_s)s::double precision))
on conflict (name) do update
set epoch = greatest(held.epoch, %(seen_epoch)s::bigint) + 1, owner = excluded.owner, until = excluded.until
where held.until <= clock_timestamp() or held.owner = excluded.owner
returning epoch
