# What every service script shares: ports, processes, packages and the verbs start|stop|env|status|wipe.
#
# A service script sources this file, says who it is and ends with `service_main "$@"`:
#   service=redis                    its name, also the folder below the run directory
#   variable=SLUICE_TEST_REDIS       what its address is exported as
#   address() { ... }                prints the address; $port is set
#   provide() { ... }                makes the software available, or calls `unavailable "reason"`
#   launch() { ... }                 writes configuration to $home and starts processes with `spawn`
#   ready() { ... }                  succeeds once the service answers
#   stop_signal=INT                  optional: what ends it, if not TERM
#   remove_data() { ... }            optional: deletes what lies outside $home
#
# Holds always: only processes recorded by `spawn` are ever signalled, and only while the process with
# that id is still the one that was started; stdout carries nothing but `VARIABLE=address` lines.
# Needs bash and Linux (/proc).

set -u -o pipefail

services_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$services_dir/../.." && pwd)
cache=${SLUICE_CACHE:-${HOME:-/tmp}/.cache/sluice}
run=${SLUICE_RUN:-$repository/var/services}
patience=${SLUICE_SERVICE_TIMEOUT:-90}

say() { printf '  %s\n' "$*" >&2; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Exit code 3 tells `with` that the service cannot be had on this machine, as opposed to being broken.
unavailable() {
    printf '%s is skipped: %s\n' "$service" "$*" >&2
    exit 3
}

# --- ports -------------------------------------------------------------------------------------

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range the kernel hands to outgoing connections, so nothing else grabs it by chance.
free_port() {
    local candidate
    while :; do
        candidate=$((20000 + RANDOM % 12000))
        listening "$candidate" || break
    done
    echo "$candidate"
}

# A further port of a service, chosen once and kept.
keep_port() { # keep_port FILE: prints the port recorded there
    [ -s "$home/$1" ] || free_port >"$home/$1"
    cat "$home/$1"
}

# The port of this start: the one asked for, else the one of the last start, else a free one.
choose_port() {
    local wanted=${1:-$port}
    case $wanted in
        *[!0-9]*) fail "--port must be a number, not '$wanted'" ;;
    esac
    if alive; then
        [ "$wanted" = "$port" ] || fail "$service already runs on port $port; stop it first"
        return 0
    fi
    port=${wanted:-$(free_port)}
    ! listening "$port" || fail "$service cannot use port $port: another program listens there"
    echo "$port" >"$home/port"
}

# --- processes ---------------------------------------------------------------------------------

# When a process began, in clock ticks since boot; empty for one that is gone or a zombie.
birth() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    stat=${stat##*) } # the command name before it may contain spaces
    # shellcheck disable=SC2086 # splitting into fields is the point
    set -- $stat
    [ "$1" = Z ] || echo "${20}"
}

# Starts a process in a session of its own (Ctrl-C in a terminal must not reach it) and records it.
# Descriptors 8 and 9 are the runner's life line and our lock; neither may leak into a service.
spawn() { # spawn NAME COMMAND...
    local log=$home/$1.log
    shift
    [ -e "$log" ] && mv "$log" "$log.old"
    setsid "$@" </dev/null >"$log" 2>&1 8>&- 9>&- &
    echo "$! $(birth "$!")" >>"$home/pids"
    disown
}

same_process() { [ -n "$2" ] && [ "$(birth "$1")" = "$2" ]; }

alive() { # every recorded process is still there
    local pid born
    [ -s "$home/pids" ] || return 1
    while read -r pid born; do
        same_process "$pid" "$born" || return 1
    done <"$home/pids"
}

# Ends what `spawn` recorded, the last one first: politely, then after ten seconds by force.
end_processes() {
    local pid born waited
    [ -s "$home/pids" ] || return 0
    tac "$home/pids" | while read -r pid born; do
        same_process "$pid" "$born" || continue
        kill -s "${stop_signal:-TERM}" "$pid" 2>/dev/null
        waited=0
        while same_process "$pid" "$born"; do
            if [ "$waited" -ge 100 ]; then
                say "$service: process $pid does not end, sending KILL"
                kill -KILL "$pid" 2>/dev/null
                waited=0
            fi
            sleep 0.1
            waited=$((waited + 1))
        done
    done
    rm -f "$home/pids"
}

# --- packages ----------------------------------------------------------------------------------

is_root() { [ "$(id -u)" = 0 ]; }

# need PROGRAM PACKAGE...: makes sure PROGRAM can be run, by apt where we may.
need() {
    local program=$1
    shift
    command -v "$program" >/dev/null && return
    command -v apt-get >/dev/null || unavailable "$program is not installed and this is no Debian (wanted: $*)"
    is_root || unavailable "$program is not installed; as root: apt-get install $*"
    "$services_dir/install" packages "$@" || unavailable "apt-get could not install $*"
    hash -r
    command -v "$program" >/dev/null || unavailable "$program is missing although $* is installed"
}

# --- verbs -------------------------------------------------------------------------------------

start() {
    (
        flock 9
        if ! alive; then
            end_processes # half of a service may have survived
            provide
            say "$service: starting"
            launch
            wait_until_ready
            say "$service: ready at $(address)"
        fi
    ) 9>"$home/lock" || exit
    echo "$variable=$(address)"
}

wait_until_ready() {
    local deadline=$((SECONDS + patience)) problem
    while ! ready; do
        problem=
        alive || problem="$service ended while starting"
        [ "$SECONDS" -lt "$deadline" ] || problem="$service was not ready after $patience s"
        if [ -n "$problem" ]; then
            end_processes
            tail -n 20 "$home"/*.log >&2
            fail "$problem; the end of its logs is above"
        fi
        sleep 0.1
    done
}

stop() {
    [ -d "$home" ] || return 0
    (
        flock 9
        [ -s "$home/pids" ] && say "$service: stopping"
        end_processes
    ) 9>"$home/lock"
}

# For data that lie elsewhere; a service script may define its own.
remove_data() { :; }

wipe() {
    stop
    remove_data
    rm -rf "${home:?}"
}

print_env() {
    alive || fail "$service is not running; start it with: $0 start"
    echo "$variable=$(address)"
}

print_status() {
    if alive; then
        say "$service runs at $(address)"
    else
        say "$service does not run"
        return 1
    fi
}

usage() {
    cat >&2 <<END
usage: $0 start|stop|env|status|wipe [--port N]

  start    start $service and wait until it answers; prints $variable=address
  stop     end it; data and port are kept for the next start
  env      print $variable=address of the running service
  status   say whether it runs (exit code 0 or 1)
  wipe     stop it and delete its data

It lives in \$SLUICE_RUN/$service (now $home).
END
    exit 2
}

service_main() {
    home=$run/$service
    local verb=${1:-} wanted=
    case $# in
        1) ;;
        3) [ "$verb" = start ] && [ "$2" = --port ] || usage
            wanted=$3 ;;
        *) usage ;;
    esac
    port=$(cat "$home/port" 2>/dev/null)
    case $verb in
        start)
            mkdir -p "$home" && choose_port "$wanted" && start ;;
        stop) stop ;;
        env) print_env ;;
        status) print_status ;;
        wipe) wipe ;;
        *) usage ;;
    esac
}
