-- Give up the model that was asked for longest ago; none that somebody is building.
update moments set state = 'removing'
where number = (
    select number from moments
    where state = 'ready' or (state = 'building' and until <= clock_timestamp())
    order by used_at limit 1
)
returning number
