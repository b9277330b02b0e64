-- Everything in the schema goes but what extensions have made; it comes back when the transaction does not end well.
do $$
declare
    thing record;
begin
    for thing in
        select c.relname, case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind
        from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('v', 'm', 'r', 'p', 'f')
          and not exists (select from pg_depend d
                          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    loop
        execute format('drop %s if exists %I cascade', thing.kind, thing.relname);
    end loop;
    for thing in
        select c.relname from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind = 'S'
          and not exists (select from pg_depend d
                          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    loop
        execute format('drop sequence if exists %I cascade', thing.relname);
    end loop;
    for thing in
        select p.oid::regprocedure as signature from pg_proc p
        where p.pronamespace = current_schema()::regnamespace
          and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    loop
        execute format('drop routine if exists %s cascade', thing.signature);
    end loop;
end $$;
