#!/bin/sh
# Becomes Redis. The password comes in a file and goes in by standard input: it is in no list of processes.
set -eu
printf 'port 6379\nbind 0.0.0.0\nprotected-mode yes\ndir /data\nappendonly yes\nmaxmemory 64mb\nmaxmemory-policy noeviction\nrequirepass %s\n' "$(cat /secrets/password)" > /tmp/redis.conf
exec redis-server /tmp/redis.conf
