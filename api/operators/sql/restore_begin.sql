-- What has to be known of a ledger before it is replaced. All of this is one transaction with the restore: one
-- that is cut off, wherever, leaves everything as it was. psql gives the values of the variables.
begin;
select set_config('restoring.rows', :'rows', true),
       set_config('restoring.named', :'named', true),
       set_config('restoring.erased', :'erased', true),
       set_config('restoring.first_event', :'first_event', true),
       set_config('restoring.skip_ids', :'skip_ids', true),
       set_config('restoring.is_latest', :'is_latest', true),
       set_config('restoring.schema', :'schema', true);

do $$
begin
    if exists (select from pg_stat_activity a
               where a.datname = current_database() and a.pid <> pg_backend_pid()
                 and a.backend_type = 'client backend') then
        raise exception 'somebody has connected to the database meanwhile';
    end if;
end $$;

create temp table restoring_numbers on commit drop as
select s.sequencename as name, s.last_value as given_out
from pg_sequences s where s.schemaname = current_schema() and s.last_value is not null;
