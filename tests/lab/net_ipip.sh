# shellcheck shell=sh
# The kernel's IP in IP tunnels: with a station's ipip on another host, and with its built-in encap through ni.
# After ppp.sh.

namespace ours far
network ours far
say() { at ours wanbox net -e "$1" 2>&1 | tee -a /out/station.log; }
said() { say "$2" | grep -q -e "$1"; }

cat >/tmp/net.rc <<'END'
hostname lab
ip address 44.128.4.4
attach ipip
attach ni ni0 10.9.0.2 255.255.255.0
ifconfig encap ipaddress 44.128.6.4
route add 44.128.4.5 ipip 192.0.2.2
route add 10.9.0.2 ni0
route add 44.128.6.5 encap 10.9.0.2
start echo
END
at ours wanbox net -d /tmp/net.rc >>/out/station.log 2>&1
await 30 said lab hostname || exit 1

# On another host.
at far ip link add t0 type ipip local 192.0.2.2 remote 192.0.2.1
at far ip addr add 44.128.4.5 peer 44.128.4.4 dev t0
at far ip link set t0 up
# Through ni, on the station's own: the outer addresses are those of ni.
at ours ip link add t1 type ipip local 10.9.0.2 remote 44.128.4.4
at ours ip addr add 44.128.6.5 peer 44.128.6.4 dev t1
at ours ip link set t1 up
at ours ip route add 44.128.4.4 dev ni0 2>/dev/null

head -c 200000 /dev/urandom >/tmp/file
# `echoed NAME ADDRESS`: a file comes back from the station's echo server.
echoed() {
  at "$1" socat -T 20 - "TCP:$2:7" </tmp/file >/tmp/back
  cmp /tmp/file /tmp/back
}

for size in 56 1400 1473 4000; do
  check "ipip: the kernel's pings of $size octets" at far ping -c 3 -i 0.2 -W 10 -s "$size" 44.128.4.4
  check "ipip: the station's ping of $size octets" said 'rtt\|reply' "ping 44.128.4.5 $size"
  check "encap: the kernel's pings of $size octets" at ours ping -c 3 -i 0.2 -W 10 -s "$size" 44.128.6.4
  check "encap: the station's ping of $size octets" said 'rtt\|reply' "ping 44.128.6.5 $size"
done
check 'ipip: a file comes back' echoed far 44.128.4.4
check 'encap: a file comes back' echoed ours 44.128.6.4
say 'ifconfig' >/out/ifconfig
say 'ip status' >/out/ip
at ours wanbox net -e exit
