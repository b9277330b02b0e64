-- A new generation of this folding code, which nobody reads yet.
insert into generations (fingerprint) values (%(fingerprint)s) returning id
