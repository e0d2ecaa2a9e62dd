# shellcheck shell=sh
# Words for scripts in the lab that meet pppd: network namespaces, a link's end in each, and
# waiting; an end is pppd or wanpiped. What it says is in /out/NAME.log. Tests put this before
# a script of theirs.

# Of a router whose tests do not want to wait, and whose peer is 10.0.0.2.
export TIMERS='RESTARTTIMER = 1
AUTHRESTART = 1
HOLD_DOWN = 1'
export ADDRESSES='IPADDR=10.0.0.1
NETMASK=255.255.255.255
POINTOPOINT=10.0.0.2'

# `await SECONDS COMMAND...`: until the command does it, or not.
await() {
  tries=$(($1 * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.1
  done
}

# `check NAME COMMAND...`: `ok NAME` if the command does it, or `FAILED NAME`.
check() {
  what=$1
  shift
  if "$@" >>/out/checks.log 2>&1; then echo "ok $what"; else echo "FAILED $what"; fi
}

# `namespace NAME...`: makes network namespaces.
namespace() {
  for name; do
    unshare -n sh -c 'ip link set lo up; echo up >/run/ns.'"$name"'.up; exec sleep 100000' &
    echo $! >"/run/ns.$name"
    await 10 test -s "/run/ns.$name.up"
  done
}

# `at NAME COMMAND...`: in that namespace.
at() {
  holder=$(cat "/run/ns.$1")
  shift
  nsenter -t "$holder" -n "$@"
}

# `start NAME COMMAND...`: in the background in that namespace; its process and what it says.
start() {
  holder=$(cat "/run/ns.$1")
  log=/out/$1.log
  pid=/run/$1.pid
  shift
  nsenter -t "$holder" -n "$@" >>"$log" 2>&1 &
  echo $! >"$pid"
}

# `stop NAME...`: ends what `start` started.
stop() {
  for name; do
    kill "$(cat "/run/$name.pid")" 2>/dev/null
    wait "$(cat "/run/$name.pid")"
  done
}

# `says NAME TEXT`: whether that end has said so since its log was begun anew.
says() { grep -qF -e "$2" "/out/$1.log"; }

# `anew NAME...`: begins their logs anew; what was said goes to /out/earlier.log.
anew() {
  for name; do
    cat "/out/$name.log" >>/out/earlier.log 2>/dev/null
    : >"/out/$name.log"
  done
}

# `gone PID`: also when nobody has waited for it yet.
gone() { ! grep -q . "/proc/$1/cmdline" 2>/dev/null; }

# `ends_with STATUS NAME`: whether what `start` started ends by itself, with that status.
ends_with() {
  pid=$(cat "/run/$2.pid")
  await 30 gone "$pid" || return 1
  wait "$pid"
  [ $? = "$1" ]
}

# `pppd_at NAME TTY OPTION...`: pppd in that namespace, with the options of every test.
pppd_at() {
  end=$1
  shift
  start "$end" pppd "$@" nodetach debug local nocrtscts noccp \
    lcp-restart 1 pap-restart 1 chap-restart 1 ipcp-restart 1 ipv6cp-restart 1
}

# `network ONE TWO`: an Ethernet between the two namespaces, 192.0.2.1 and 192.0.2.2.
network() {
  ip link add type veth
  ip link set veth0 netns "$(cat "/run/ns.$1")"
  ip link set veth1 netns "$(cat "/run/ns.$2")"
  at "$1" ip addr add 192.0.2.1/24 dev veth0
  at "$2" ip addr add 192.0.2.2/24 dev veth1
  at "$1" ip link set veth0 up
  at "$2" ip link set veth1 up
}

# Scripts that run over lines of several kinds have LINE set before them: `pty`, or `tcp`, which
# needs `network ours peer`.

# `line NUMBER`: wanpiped's LINE.
line() {
  case "$LINE" in
  pty) echo "pty:/dev/line$1" ;;
  tcp) echo "tcp-listen:192.0.2.1:700$1" ;;
  esac
}

# `line_ready NUMBER`: waits until pppd can be at it.
line_ready() {
  case "$LINE" in
  pty) await 10 test -e "/dev/line$1" ;;
  tcp) await 10 at ours sh -c "netstat -ltn | grep -q :700$1" ;;
  esac
}

# `pppd_on NUMBER OPTION...`: pppd of the namespace `peer` at that line.
pppd_on() {
  number=$1
  shift
  case "$LINE" in
  pty) pppd_at peer "/dev/line$number" "$@" ;;
  tcp) pppd_at peer pty "socat - TCP:192.0.2.1:700$number,retry=20,interval=0.2" "$@" ;;
  esac
}

# `router NAME LINE DEVICE-KEYS CHANNEL-KEYS ADDRESSES`: a router of that namespace with one PPP
# device, its files below /r/NAME. The last three are lines of text; ADDRESSES are the
# interface's file.
router() {
  etc=/r/$1/etc/wanpipe
  rm -rf "/r/$1"
  mkdir -p "$etc/interfaces"
  # pppd takes a tty below /dev only.
  ln -s /dev "/r/$1/dev"
  echo 'WAN_DEVICES="wanpipe1"' >"$etc/wanrouter.rc"
  printf '%s\n' '[devices]' 'wanpipe1 = WAN_PPP' '[interfaces]' 'wp1ppp = wanpipe1, , WANPIPE' \
    '[wanpipe1]' "LINE = $2" 'MTU = 1500' "$3" '[wp1ppp]' "$4" >"$etc/wanpipe1.conf"
  printf '%s\n' "$5" >"$etc/interfaces/wp1ppp"
}

# `wan NAME COMMAND...`: a command of wanbox on that router.
wan() {
  end=$1
  shift
  at "$end" env "WANBOX_ROOT=/r/$end" "$@"
}

# `wan_stop NAME`: stops the router, and keeps its logs.
wan_stop() {
  wan "$1" wanrouter stop >>"/out/$1.log" 2>&1
  cat "/r/$1"/var/log/* >>"/out/$1.log"
}

# `joined ONE TWO`: two ttys, what is written to one is read from the other.
joined() {
  socat "PTY,link=$1,raw,echo=0" "PTY,link=$2,raw,echo=0" &
  await 10 test -e "$1" && await 10 test -e "$2"
}

# `has_address NAME INTERFACE ADDRESS`
has_address() { at "$1" ip addr show "$2" 2>/dev/null | grep -q "inet $3[ /]"; }

# `milliseconds`: since the boot.
milliseconds() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }

# `transfer FROM TO ADDRESS FILE`: the file over TCP into /tmp/received of the other end, which
# has that address; whether it came over whole.
transfer() {
  rm -f /tmp/received
  at "$2" socat -u TCP-LISTEN:5001,reuseaddr CREATE:/tmp/received &
  receiver=$!
  await 10 at "$2" sh -c 'netstat -ltn | grep -q :5001' || return 1
  at "$1" socat -u "FILE:$4" "TCP:$3:5001" || return 1
  wait "$receiver"
  cmp "$4" /tmp/received
}
