# shellcheck shell=sh
# Words for scripts in the lab that meet xl2tpd and pppd, which use the kernel's L2TP: a LAC and its
# subscriber in the namespace `lac`, the network server in `lns`, a host behind it in `site`. After
# ppp.sh. What they say is in /out/lac.log, /out/pppd.log and /out/lns.log.

export SERVER=192.0.2.1 SITE=198.51.100.2 SECRET=between-the-two

# `nets`: makes the namespaces and what joins them.
nets() {
  namespace lac lns site
  for name in lac lns site; do
    # An address is of use at once.
    at "$name" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/dad_transmits'
  done
  network lns lac
  ip link add type veth
  ip link set veth1 netns "$(cat /run/ns.lns)"
  ip link set veth0 netns "$(cat /run/ns.site)"
  at lns ip addr add 198.51.100.1/24 dev veth1
  at site ip addr add "$SITE/24" dev veth0
  at lns ip -6 addr add 2001:db8:9::1/64 dev veth1
  at site ip -6 addr add 2001:db8:9::2/64 dev veth0
  at lns ip link set veth1 up
  at site ip link set veth0 up
  at site ip route add default via 198.51.100.1
  at site ip -6 route add default via 2001:db8:9::1
  at lns sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# `lns LINES`: the network server, with these lines beside the common ones.
lns() {
  mkdir -p /r/etc/l2tpns
  cat >/r/etc/l2tpns/startup-config <<END
set debug 4
set bind_address $SERVER
set l2tp_secret "$SECRET"
set primary_dns 198.51.100.53
set peer_address 10.255.0.1
set ppp_restart_time 1
set subscribers_file "/etc/l2tpns/subscribers"
$1
END
  chmod 600 /r/etc/l2tpns/startup-config
  echo 10.9.0.0/24 >/r/etc/l2tpns/ip_pool
  cat >/r/etc/l2tpns/subscribers <<END
joe "open sesame"
sue "open sesame" address=10.8.0.7 route=10.77.0.0/24
kim "open sesame" delegated=2001:db8:77::/48
END
  chmod 600 /r/etc/l2tpns/subscribers
  start lns l2tpns --root /r
  await 10 test -S /r/run/wanbox/l2tpns.sock
}

# `cli COMMAND`: of the network server's command line.
cli() { at lns l2tpns --root /r -e "$1"; }

# `lac`: xl2tpd, ready to call.
lac() {
  cat >/tmp/xl2tpd.conf <<END
[global]
port = 1701
auth file = /tmp/l2tp-secrets
[lac isp]
lns = $SERVER
name = caller
challenge = yes
length bit = yes
ppp debug = yes
pppoptfile = /tmp/options
END
  echo "* * $SECRET" >/tmp/l2tp-secrets
  chmod 600 /tmp/l2tp-secrets
  mkdir -p /run/xl2tpd
  start lac xl2tpd -D -c /tmp/xl2tpd.conf -s /tmp/l2tp-secrets -p /run/xl2tpd/pid -C /run/xl2tpd/control
  await 10 test -p /run/xl2tpd/control
}

# `call USER PASSWORD OPTION...`: has xl2tpd call, with these options of pppd.
call() {
  printf '%s\n' "user $1" "password \"$2\"" noauth noccp ipcp-accept-local ipcp-accept-remote \
    usepeerdns defaultroute nodetach debug 'logfile /out/pppd.log' 'lcp-restart 1' \
    'ipcp-restart 1' 'ipv6cp-restart 1' >/tmp/options
  shift 2
  printf '%s\n' "$@" >>/tmp/options
  : >/out/pppd.log
  echo 'c isp' >/run/xl2tpd/control
}

# `hang_up`: the far end ends the call.
hang_up() { echo 'd isp' >/run/xl2tpd/control; }

# `pppd_says TEXT`
pppd_says() { grep -qF -e "$1" /out/pppd.log; }

# `shown USER`: whether it has a session.
shown() { cli 'show users' | grep -qx "$1"; }

nobody() { ! shown joe && ! shown sue && ! shown kim; }

# `away`: the far end is idle again, and nobody is there.
away() { await 20 nobody && await 20 no_ppp0; }

no_ppp0() { ! at lac ip link show ppp0; }

# `online ADDRESS`: the subscriber has an address that begins like this, and reaches the site.
online() {
  await 20 has_address_like "$1" && await 10 at lac ping -c 2 -W 5 "$SITE"
}

has_address_like() { at lac ip addr show ppp0 2>/dev/null | grep -q "inet $1"; }
