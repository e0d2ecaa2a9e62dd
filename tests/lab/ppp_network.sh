# shellcheck shell=sh
# What IPCP and IPV6CP settle between wanpiped and pppd: addresses, name servers, header
# compression. After ppp.sh.

namespace ours peer
network ours peer
head -c 300000 /dev/urandom >/tmp/file

# `ours KEYS ADDRESSES`: our end, captured from the first frame on.
ours() {
  anew ours peer
  router ours "$(line 0)" "$TIMERS
$1" '' "$2"
  wan ours wanrouter start >>/out/ours.log 2>&1
  line_ready 0
  wan ours wanconfig card wanpipe1 capture "/out/$3.pcap" >>/out/ours.log
}

done_with() {
  stop peer
  wan ours wanconfig card wanpipe1 capture off >>/out/ours.log
  wan_stop ours
}

both_up() { await 20 has_address peer ppp0 10.0.0.2 && await 20 at ours ping -c 1 -W 1 10.0.0.2; }
pings() { at ours ping -c 3 -W 5 "$@" 10.0.0.2 && at peer ping -c 3 -W 5 "$@" 10.0.0.1; }
silent() { ! at ours ping -c 1 -W 1 10.0.0.2; }
link_local() { at "$1" ip -6 addr show "$2" | sed -n 's/.*inet6 \(fe80[^/ ]*\).*/\1/p' | head -n 1; }
pings_ipv6() {
  ours6=$(link_local ours wp1ppp) peer6=$(link_local peer ppp0)
  [ -n "$ours6" ] && [ -n "$peer6" ] &&
    at ours ping -6 -c 3 -W 5 "$peer6%wp1ppp" && at peer ping -6 -c 3 -W 5 "$ours6%ppp0"
}
both_ways() { transfer ours peer 10.0.0.2 /tmp/file && transfer peer ours 10.0.0.1 /tmp/file; }
# The kernel's PPP counted many packets with compressed headers, in and out.
compressed() { at peer pppstats -v -c 1 ppp0 | tee -a /out/vj.log | awk 'END { exit !($3 > 50 && $11 > 50) }'; }

# Both ends know their addresses.
ours '' "$ADDRESSES" static
pppd_on 0 noauth novj 10.0.0.2:10.0.0.1 lcp-echo-interval 1 lcp-echo-failure 3
check 'static: up' both_up
check 'static: small packets' pings
check 'static: packets of the MTU' pings -s 1472
check 'static: IPv6' await 20 pings_ipv6
check 'static: TCP both ways' both_ways
check 'static: echo of LCP' await 15 says peer 'rcvd [LCP EchoRep'
check 'static: the other end ends the link' done_with

# The keys of compression, of fields and of headers.
ours 'VJ = YES
PFC = YES
ACFC = YES' "$ADDRESSES" compressed
pppd_on 0 noauth 10.0.0.2:10.0.0.1
check 'compressed: up' both_up
check 'compressed: agreed' says peer '<compress VJ 0f 01>'
check 'compressed: pings' pings
check 'compressed: TCP both ways' both_ways
check 'compressed: headers both ways' compressed
check 'compressed: stopped' done_with

# We would compress; the peer will not.
ours 'VJ = YES' "$ADDRESSES" refused
pppd_on 0 noauth novj noaccomp nopcomp nomagic 10.0.0.2:10.0.0.1
check 'refused: up' both_up
check 'refused: TCP both ways' both_ways
check 'refused: stopped' done_with

# This end gives the addresses and the name servers.
ours 'IP_MODE = HOST
DNS_PRIMARY = 192.0.2.53
DNS_SECONDARY = 192.0.2.54' "$ADDRESSES" host
pppd_on 0 noauth noipdefault usepeerdns ipcp-accept-local ipcp-accept-remote
check 'host: the peer has the address' both_up
check 'host: and the first name server' says peer 'primary   DNS address 192.0.2.53'
check 'host: and the second' says peer 'secondary DNS address 192.0.2.54'
check 'host: pings' pings
check 'host: stopped' done_with

# The other end gives them.
ours 'IP_MODE = PEER
USEPEERDNS = YES' '' peer
pppd_on 0 noauth 10.0.0.2:10.0.0.1 ms-dns 192.0.2.55 ms-dns 192.0.2.56
check 'peer: we have the address' await 20 has_address ours wp1ppp 10.0.0.1
check 'peer: up' both_up
check 'peer: pings' pings
wan ours wanrouter status >/out/status.log 2>&1
wan ours wanconfig card wanpipe1 >>/out/status.log 2>&1
check 'peer: stopped' done_with

# A peer without IPv6, and one that comes back.
ours '' "$ADDRESSES" again
pppd_on 0 noauth noipv6 novj
check 'again: up without IPv6' both_up
stop peer
check 'again: down' await 20 silent
pppd_on 0 noauth novj
check 'again: up with it' both_up
check 'again: IPv6' await 20 pings_ipv6
check 'again: stopped' done_with
