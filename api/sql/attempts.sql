-- find_attempts: attempts to change something that were refused or failed, newest first; null is any
select request_id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       actor_id, address, user_agent, dialect, method, path, status
from requests
where status >= 400
  and (%(status_first)s::smallint is null
       or (status >= %(status_first)s::smallint and status <= %(status_last)s::smallint))
  and (%(actor_id)s::bigint is null or actor_id = %(actor_id)s::bigint)
  and (%(address)s::text is null or address = %(address)s::text)
  and (%(path_first)s::text is null
       or (path collate "C" >= %(path_first)s::text and path collate "C" <= %(path_last)s::text))
  and (%(since)s::timestamptz is null or at >= %(since)s::timestamptz)
  and (%(until)s::timestamptz is null or at <= %(until)s::timestamptz)
  and (%(before_at)s::timestamptz is null
       or (at, request_id) < (%(before_at)s::timestamptz, %(before_id)s::text))
order by at desc, request_id desc limit %(limit)s;
