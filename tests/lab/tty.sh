# shellcheck shell=sh
# pppd on the terminals of wanpiped. After ppp.sh.

namespace one two
head -c 300000 /dev/urandom >/tmp/file
mkdir -p /r/cable

# `terminal NAME MINOR MODE`: a router with a terminal on the cable.
terminal() {
  router "$1" cable:test '' '' ''
  mkdir -p "/r/$1/run/wanbox"
  ln -s /r/cable "/r/$1/run/wanbox/cable"
  printf '%s\n' '[devices]' 'wanpipe1 = WAN_CHDLC' '[interfaces]' '[wanpipe1]' \
    'LINE = cable:test' 'TTY = YES' "TTY_MINOR = $2" "TTY_MODE = $3" \
    >"/r/$1/etc/wanpipe/wanpipe1.conf"
  wan "$1" wanrouter start >>"/out/$1.log" 2>&1
  await 10 test -e "/dev/ttyWP$2"
}

pings() { at one ping -c 3 -W 5 "$@" 10.0.0.2 && at two ping -c 3 -W 5 "$@" 10.0.0.1; }
both_ways() { transfer one two 10.0.0.2 /tmp/file && transfer two one 10.0.0.1 /tmp/file; }

for mode in SYNC ASYNC; do
  terminal one 0 "$mode"
  terminal two 1 "$mode"
  pppd_at one /dev/ttyWP0 noauth 10.0.0.1:10.0.0.2
  pppd_at two /dev/ttyWP1 noauth
  check "$mode: up" await 30 has_address two ppp0 10.0.0.2
  check "$mode: pings" pings
  check "$mode: long pings" pings -s 1472
  check "$mode: transfers" both_ways
  wan one wanconfig card wanpipe1 line cut >>/out/one.log 2>&1
  check "$mode: hang-up here" ends_with 16 one
  check "$mode: hang-up there" ends_with 16 two
  wan_stop one
  wan_stop two
done
