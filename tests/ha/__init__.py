"""What if the database fails over? Three nodes of deploy/postgres on this machine, and `make ha-test`.

network (namespaces, or loopback) ◄── node (etcd, Patroni, PostgreSQL) ◄── cluster ◄── events ◄── run
"""
