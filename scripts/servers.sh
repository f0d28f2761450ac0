# shellcheck shell=bash disable=SC2154
# Throw-away servers for tests: on loopback, on a free port, with a password nobody knows, gone with the script.
# Sourced after lib.sh; the script that sources it calls stop_servers in its EXIT trap.

scratch=$(mktemp -d -t septet-test.XXXXXX)
chmod 0755 "$scratch"
postgres_user=
redis_pid=
docker_pid=

free_port() {
  /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

random_password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# PostgreSQL refuses to run as root, so root lends it the account that Debian's package made.
as_postgres() {
  if [ -n "$postgres_user" ]; then setpriv --reuid "$postgres_user" --regid "$postgres_user" --clear-groups -- "$@"; else "$@"; fi
}

# Starts PostgreSQL and exports SEPTET_TEST_POSTGRES.
start_postgres() {
  local bin port password
  bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  if [ -z "$bin" ]; then bin=$(dirname "$(command -v initdb || fail "PostgreSQL is not installed")"); fi
  if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || fail "there is no user postgres; run this as an ordinary user, or install Debian's postgresql"
    postgres_user=postgres
    chown postgres "$scratch"
  fi
  port=$(free_port)
  password=$(random_password)
  say "starting PostgreSQL on 127.0.0.1:$port"
  (umask 077 && printf '%s\n' "$password" >"$scratch/password")
  [ -z "$postgres_user" ] || chown postgres "$scratch/password"
  cd "$scratch" || return # the server may not read the folder that we were started in
  quietly as_postgres "$bin/initdb" -D "$scratch/postgres" -U septet --auth=scram-sha-256 --pwfile="$scratch/password" \
    --encoding=UTF8 --locale=C --no-sync || fail "initdb failed"
  # Nothing in it outlives the tests, so nothing in it waits for the disk.
  quietly as_postgres "$bin/pg_ctl" -D "$scratch/postgres" -l "$scratch/postgres.log" -w -t 60 start \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c synchronous_commit=off \
        -c full_page_writes=off -c max_connections=200" \
    || { tail -n 20 "$scratch/postgres.log" >&2; fail "PostgreSQL does not start"; }
  cd "$root" || return
  postgres_bin=$bin
  export SEPTET_TEST_POSTGRES="postgres://septet:$password@127.0.0.1:$port/postgres"
}

# Starts Redis and exports SEPTET_TEST_REDIS.
start_redis() {
  local port password
  port=$(free_port)
  password=$(random_password)
  say "starting Redis on 127.0.0.1:$port"
  mkdir -p "$scratch/redis"
  (umask 077 && cat >"$scratch/redis.conf" <<CONF
port $port
bind 127.0.0.1
requirepass $password
dir $scratch/redis
save ""
appendonly no
CONF
  )
  redis-server "$scratch/redis.conf" >"$scratch/redis.log" 2>&1 &
  redis_pid=$!
  for _ in $(seq 100); do
    if grep -q 'Ready to accept connections' "$scratch/redis.log"; then
      export SEPTET_TEST_REDIS="redis://default:$password@127.0.0.1:$port"
      return
    fi
    sleep 0.1
  done
  tail -n 20 "$scratch/redis.log" >&2
  fail "Redis does not start"
}

# Starts Docker and exports SEPTET_TEST_DOCKER. Where it cannot be started the tests that need it skip themselves aloud.
start_docker() {
  if [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null; then
    say "SKIPPED: Docker is not started: that needs root and Debian's docker.io"
    return
  fi
  say "starting Docker on $scratch/docker.sock"
  # No network of its own and no rules for the host's: its containers have none either.
  dockerd --data-root "$scratch/docker" --exec-root "$scratch/docker-exec" --pidfile "$scratch/docker.pid" \
    --host "unix://$scratch/docker.sock" --bridge=none --iptables=false --ip-masq=false >"$scratch/docker.log" 2>&1 &
  docker_pid=$!
  for _ in $(seq 300); do
    if grep -qs 'API listen on' "$scratch/docker.log"; then
      export SEPTET_TEST_DOCKER="unix://$scratch/docker.sock"
      return
    fi
    kill -0 "$docker_pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$scratch/docker.log" >&2
  say "SKIPPED: Docker does not start on this machine, so its tests do not run"
}

# Ends the containers that a failed test left, then the daemon, which takes its own children along.
stop_docker() {
  docker --host "unix://$scratch/docker.sock" ps -aq 2>/dev/null \
    | xargs -r docker --host "unix://$scratch/docker.sock" rm -f >/dev/null 2>&1 || true
  kill "$docker_pid" 2>/dev/null || true
  wait "$docker_pid" 2>/dev/null || true
}

# Stops what was started here, and only that.
stop_servers() {
  if [ -f "$scratch/postgres/postmaster.pid" ]; then
    (cd / && as_postgres "$postgres_bin/pg_ctl" -D "$scratch/postgres" -m immediate -w stop >/dev/null 2>&1) || true
  fi
  if [ -n "$redis_pid" ]; then kill "$redis_pid" 2>/dev/null || true; fi
  if [ -n "$docker_pid" ]; then stop_docker; fi
  rm -rf "$scratch"
}
