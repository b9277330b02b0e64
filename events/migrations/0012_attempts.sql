-- Attempts to change something that were refused or failed: found newest first, by who, whence, what and how.
-- Requests that were carried out are most of the table and in none of these.
create index requests_refused_at_idx on requests (at desc, request_id desc) where status >= 400;
create index requests_refused_actor_idx on requests (actor_id, at desc, request_id desc) where status >= 400;
create index requests_refused_address_idx on requests (address, at desc, request_id desc) where status >= 400;
create index requests_refused_status_idx on requests (status, at desc, request_id desc) where status >= 400;
create index requests_refused_path_idx on requests (path collate "C", at desc, request_id desc) where status >= 400;
