-- Until when somebody holds a lease; no row when nobody does. Who lives puts it off every second.
select until::text from projector_lease where name = %(name)s and until > clock_timestamp()
