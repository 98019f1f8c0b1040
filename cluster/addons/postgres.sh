#!/bin/sh
# Makes the database at the first start, then becomes PostgreSQL. The password comes in a file.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --pgdata="$PGDATA" --username=postgres --auth=scram-sha-256 --pwfile=/secrets/password --encoding=UTF8 --locale=C --data-checksums
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
if [ ! -e "$PGDATA/audit.made" ]; then
  # Single-user mode: no socket is open before the role and its database are there.
  password=$(cat /secrets/password)
  postgres --single -D "$PGDATA" postgres >/dev/null <<SQL
CREATE ROLE audit LOGIN PASSWORD '$password';
CREATE DATABASE audit OWNER audit;
SQL
  : > "$PGDATA/audit.made"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp -c max_connections=200 -c logging_collector=off
