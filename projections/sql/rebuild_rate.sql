-- How many events a second the last rebuild folded that folded enough of them in one go.
select events_per_s from rebuilds where events_per_s is not null order by id desc limit 1
