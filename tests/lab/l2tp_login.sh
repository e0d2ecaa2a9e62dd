# shellcheck shell=sh
# xl2tpd and pppd log in. After ppp.sh and l2tp.sh.

nets
lns 'set radius_authtypes "pap, chap, mschapv2"
set ipv6_prefix 2001:db8:5::'
lac

refuse_all='refuse-eap refuse-pap refuse-chap refuse-mschap refuse-mschap-v2'
for way in pap chap mschap-v2; do
  # shellcheck disable=SC2046 # an option a line
  others=$(for refusal in $refuse_all; do [ "$refusal" = "refuse-$way" ] || echo "$refusal"; done)
  call joe 'open sesame' "$others"
  check "$way: logs in" online 10.9.0.
  check "$way: is shown" shown joe
  check "$way: is told a name server" pppd_says 198.51.100.53
  hang_up
  check "$way: hangs up" away
  call joe wrong "$others"
  check "$way: a wrong password is refused" await 20 pppd_says 'authentication failed'
  check "$way: nobody is there then" away
done

call sue 'open sesame'
check "a user with an address of its own" online 10.8.0.7
check "its route leads to the TUN" at lns sh -c 'ip route show proto 42 | grep -q 10.77.0.0/24'
at lac ip addr add 10.77.0.1/32 dev lo
check "a host of its network is reached" at site ping -c 2 -W 5 10.77.0.1
at lac ip addr del 10.77.0.1/32 dev lo
hang_up
check "hangs up" away
check "its route is gone" at lns sh -c '! ip route show | grep -q 10.77.0.0/24'

at lac sh -c 'echo 2 >/proc/sys/net/ipv6/conf/default/accept_ra'
call joe 'open sesame' +ipv6
check "IPv6: logs in" online 10.9.0.
check "IPv6: IPV6CP is open" await 10 pppd_says 'remote LL address'
check "IPv6: an address by router advertisement" \
  await 20 at lac sh -c 'ip -6 addr show ppp0 | grep -q "inet6 2001:db8:5:.* global"'
at lac ip -6 route replace default dev ppp0
check "IPv6: the site is reached" await 10 at lac ping -6 -c 2 -W 5 2001:db8:9::2
hang_up
check "IPv6: hangs up" away

# The server takes leave.
call joe 'open sesame'
check "logs in once more" online 10.9.0.
kill -QUIT "$(cat /r/run/wanbox/l2tpns.pid)"
check "the server takes leave of its peers" await 20 pppd_says 'Modem hangup'
check "the server ends" await 20 gone "$(cat /run/lns.pid)"
check "its interface is gone" at lns sh -c '! ip link show tun0'
