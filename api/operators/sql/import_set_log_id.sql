-- Say which log this is.
update log_identity set log_id = %(log_id)s::uuid
