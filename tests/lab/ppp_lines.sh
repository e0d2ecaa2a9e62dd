# shellcheck shell=sh
# The lines that pppd can be at: a pty, TCP from and to it; 20 MB each way. After ppp.sh.

namespace ours peer
network ours peer
head -c 20000000 /dev/urandom >/tmp/large

# `ours LINE NAME`
ours() {
  anew ours peer
  router ours "$1" "$TIMERS" '' "$ADDRESSES"
  wan ours wanrouter start >>/out/ours.log 2>&1
  wan ours wanconfig card wanpipe1 capture "/out/$2.pcap" >>/out/ours.log
}

up() { await 30 has_address peer ppp0 10.0.0.2 && await 20 at ours ping -c 1 -W 1 10.0.0.2; }
pings() { at ours ping -c 3 -W 5 -s 1472 10.0.0.2 && at peer ping -c 3 -W 5 -s 1472 10.0.0.1; }

# `exercise NAME`
exercise() {
  check "$1: up" up
  check "$1: pings" pings
  wan ours wanconfig card wanpipe1 capture off >>/out/ours.log
  check "$1: 20 MB to pppd" transfer ours peer 10.0.0.2 /tmp/large
  check "$1: 20 MB from pppd" transfer peer ours 10.0.0.1 /tmp/large
  stop peer
  wan_stop ours
}

ours pty:/dev/line pty
await 10 test -e /dev/line
pppd_at peer /dev/line noauth 10.0.0.2:10.0.0.1
exercise pty

# We listen, as a terminal server's modem does.
ours tcp-listen:192.0.2.1:7000 listen
pppd_at peer pty 'socat - TCP:192.0.2.1:7000,retry=20,interval=1' noauth 10.0.0.2:10.0.0.1
exercise listen

# We call.
pppd_at peer pty 'socat - TCP-LISTEN:7001,reuseaddr' noauth 10.0.0.2:10.0.0.1
ours tcp:192.0.2.2:7001 call
exercise call
