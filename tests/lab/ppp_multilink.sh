# shellcheck shell=sh
# A bundle of two lines between wanpiped and pppd. After ppp.sh.

namespace ours peer
network ours peer
head -c 20000000 /dev/urandom >/tmp/large
head -c 500000 /dev/urandom >/tmp/file

# `ours KEYS`: our end: a device with the bundle, and one that joins it.
ours() {
  anew ours peer second
  router ours "$(line 0)" "$TIMERS
MULTILINK = YES
$1" '' "$ADDRESSES"
  etc=/r/ours/etc/wanpipe
  echo 'WAN_DEVICES="wanpipe1 wanpipe2"' >"$etc/wanrouter.rc"
  printf '%s\n' '[devices]' 'wanpipe2 = WAN_PPP' '[wanpipe2]' "LINE = $(line 1)" 'MTU = 1500' \
    "$TIMERS" 'BUNDLE = wanpipe1' >"$etc/wanpipe2.conf"
  wan ours wanrouter start >>/out/ours.log 2>&1
  line_ready 0 && line_ready 1
  wan ours wanconfig card wanpipe1 capture "/out/$2-1.pcap" >>/out/ours.log
  wan ours wanconfig card wanpipe2 capture "/out/$2-2.pcap" >>/out/ours.log
}

# `pppds OPTION...`: both links of the far end.
pppds() {
  pppd_on 0 noauth novj multilink name peer 10.0.0.2:10.0.0.1 "$@"
  first=$(cat /run/peer.pid)
  await 20 has_address peer ppp0 10.0.0.2 || return 1
  pppd_on 1 noauth novj multilink name peer "$@"
  await 20 says peer 'Link attached to ppp0'
}

captured() {
  for device in wanpipe1 wanpipe2; do wan ours wanconfig card "$device" capture off >>/out/ours.log; done
}

stop_all() {
  stop peer
  kill "$first"
  wait "$first"
  wan_stop ours
}

# What a link of ours carried, both ways, in octets of frames, as its capture has it.
octets() { wc -c <"/out/$1.pcap"; }
both_carried() { [ "$(octets "$1-1")" -gt "$2" ] && [ "$(octets "$1-2")" -gt "$2" ]; }
ping_both() { at ours ping -c 5 -i 0.2 -W 5 "$@" 10.0.0.2 && at peer ping -c 5 -i 0.2 -W 5 "$@" 10.0.0.1; }
both_ways() { transfer ours peer 10.0.0.2 "$1" && transfer peer ours 10.0.0.1 "$1"; }

ours '' long
check 'long: both links are up' pppds
check 'long: small packets' ping_both
check 'long: large packets' ping_both -s 1472
check 'long: TCP both ways' both_ways /tmp/file
check 'long: both links carried it' both_carried long 300000
# A link goes; the bundle stays.
stop peer
check 'long: one link is enough' ping_both -s 1000
pppd_on 1 noauth novj multilink name peer
check 'long: the other comes back' await 30 says peer 'Link attached to ppp0'
captured
check 'long: 20 MB to pppd' transfer ours peer 10.0.0.2 /tmp/large
check 'long: 20 MB from pppd' transfer peer ours 10.0.0.1 /tmp/large
stop_all

ours 'SHORT_SEQ = YES' short
check 'short: both links are up' pppds mpshortseq
check 'short: agreed' says peer '<mrru 1500> <ssnhf> <endpoint'
check 'short: large packets' ping_both -s 1472
check 'short: TCP both ways' both_ways /tmp/file
check 'short: both links carried it' both_carried short 300000
captured
stop_all
