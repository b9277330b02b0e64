-- oldest_unfolded: seconds since the first event after a position was recorded
select extract(epoch from clock_timestamp() - recorded_at)::float8
from stored_events where notification_id > %(position)s order by notification_id limit 1;
