-- Where a backup is to be restored: how many things the schema has besides those of extensions, and how many
-- others are connected; one row.
select (select count(*) from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'v', 'S', 'm', 'p', 'f')
          and not exists (select from pg_depend d
                          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))::int,
       (select count(*) from pg_stat_activity a
        where a.datname = current_database() and a.pid <> pg_backend_pid()
          and a.backend_type = 'client backend')::int,
       current_setting('server_version_num')::int,
       current_schema()::text
