-- How many models there are, and how many of them are being built for one user.
select count(*), count(*) filter (where asked_by = %(asked_by)s and state = 'building' and until > clock_timestamp())
from moments where state <> 'removing'
