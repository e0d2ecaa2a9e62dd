# shellcheck shell=sh
# IPv6 in sessions, with DHCPv6 clients of others. After ppp.sh and l2tp.sh.

nets
# A client renews after 6 s.
lns 'set radius_authtypes "pap"
set ipv6_prefix 2001:db8:5::
set dhcp6_preferred_lifetime 12
set dhcp6_valid_lifetime 3600
set primary_ipv6_dns 2001:db8:9::53
set default_ipv6_domain_list "example.net"'
lac
# The subscriber is a router, with a network of its own; the other end of it is `veth0`.
at lac ip link add lan0 type veth
at lac ip link set lan0 up
at lac ip link set veth0 up
at lac sh -c 'cd /proc/sys/net/ipv6/conf; echo 1 >all/forwarding; echo 2 >default/accept_ra'

# `client COMMAND...`: in the background, at the subscriber; what it says is in /out/client.log.
client() {
  nsenter -t "$(cat /run/ns.lac)" -n "$@" >>/out/client.log 2>&1 &
  echo $! >/run/client.pid
}

# `client_ends SIGNAL`: it ends by itself when told to.
client_ends() {
  kill "-$1" "$(cat /run/client.pid)" && await 20 gone "$(cat /run/client.pid)"
}

# `route_of PREFIX`: it leads to the subscribers.
route_of() { at lns sh -c "ip -6 route show dev tun0 | grep -q '^$1 '"; }

# `delegated`: the network has an address of the prefix, and is reached from behind the server.
delegated() {
  await 30 at lac sh -c 'ip -6 addr show lan0 | grep -q "inet6 2001:db8:77:.* global"' || return 1
  address=$(at lac ip -6 addr show lan0 | sed -n 's|.*inet6 \(2001:db8:77:[^/]*\)/.*|\1|p')
  await 20 at site ping -6 -c 2 -W 5 "$address"
}

call kim 'open sesame' +ipv6
check "logs in" online 10.9.0.
check "an address by router advertisement" \
  await 20 at lac sh -c 'ip -6 addr show ppp0 | grep -q "inet6 2001:db8:5:.* global"'
at lac ip -6 route replace default dev ppp0
check "the prefix leads to the TUN" route_of 2001:db8:77::/48

cat >/tmp/dhcp6c.conf <<'END'
interface ppp0 { send ia-pd 0; request domain-name-servers; request domain-name; };
id-assoc pd 0 { prefix-interface lan0 { sla-id 1; sla-len 16; ifid 1; }; };
END
mkdir -p /var/lib/dhcpv6 /var/lib/dhcpcd /run/dhcpcd
client dhcp6c -D -f -c /tmp/dhcp6c.conf -p /run/dhcp6c.pid ppp0
check "dhcp6c: a delegated prefix, and packets to it" delegated
check "dhcp6c: the name server" says client 'nameserver[0] 2001:db8:9::53'
check "dhcp6c: the domain" says client 'Domain search list[0] example.net.'
check "dhcp6c: releases it" client_ends TERM
check "dhcp6c: is told that it did" says client 'status code: success'

# Another client, with another identifier: what was released is free.
printf '%s\n' noipv6rs duid ipv6only 'option dhcp6_name_servers' 'interface ppp0' \
  'ia_na 1' 'ia_pd 2 lan0/1/64' >/tmp/dhcpcd.conf
anew client
client dhcpcd -6 -B -d -f /tmp/dhcpcd.conf -c /bin/true ppp0
check "dhcpcd: a delegated prefix, and packets to it" delegated
check "dhcpcd: an address" says client 'adding address 2001:db8:5:0:a09:'
check "dhcpcd: asks again in time" await 20 says client 'executing: /bin/true RENEW6'
check "dhcpcd: still reached then" delegated
check "dhcpcd: ends without a word" client_ends TERM

# It has the lease in a file, and asks whether it holds.
anew client
client dhcpcd -6 -B -d -f /tmp/dhcpcd.conf -c /bin/true ppp0
check "dhcpcd: asks for what it had" await 20 says client 'broadcasting REBIND6'
check "dhcpcd: has it again" await 20 says client 'executing: /bin/true REBIND6'
check "dhcpcd: and is reached" delegated
check "dhcpcd: gives it back" client_ends ALRM
check "dhcpcd: said so" says client 'broadcasting RELEASE6'

hang_up
check "hangs up" away
no_route_of() { ! route_of "$1"; }
check "its prefix leads nowhere" await 10 no_route_of 2001:db8:77::/48
