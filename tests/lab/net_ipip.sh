# shellcheck shell=sh
# The kernel's IP in IP tunnels: with a station's ipip on another host, and with its built-in encap through ni.
# After ppp.sh.

namespace ours far single
network ours far
# `station NAME`: in that namespace, with the commands that it reads.
station() {
  mkdir -p "/r/$1"
  cat >"/r/$1/net.rc"
  at "$1" env "WANBOX_ROOT=/r/$1" wanbox net -d "/r/$1/net.rc" >>/out/station.log 2>&1
}
say() { at "$1" env "WANBOX_ROOT=/r/$1" wanbox net -e "$2" 2>&1 | tee -a /out/station.log; }
# `said NAME TEXT COMMAND`: what that station answers has it.
said() { say "$1" "$3" | grep -qF -e "$2"; }

station ours <<'END'
ip address 44.128.4.4
attach ipip
route add 44.128.4.5 ipip 192.0.2.2
tcp window 16384
start echo
END
station single <<'END'
ip address 10.9.0.1
attach ni ni0 10.9.0.2 255.255.255.0
ip address 44.128.6.4
attach netrom
route add 10.9.0.2 ni0
route add 44.128.6.5 encap 10.9.0.2
tcp window 16384
start echo
END

# This kernel has tunnels of its own: without any that is up, it tells the other end that it has none.
at ours ip link set tunl0 up
# On another host. Between namespaces the kernel leaves checksums unfinished, inside of tunnels as well, and hands
# raw sockets what it finds.
at far ethtool -K veth1 tx off >>/out/ethtool.log 2>&1
at far ip tunnel add t0 mode ipip local 192.0.2.2 remote 192.0.2.1
at far ip addr add 44.128.4.5 peer 44.128.4.4 dev t0
at far ip link set t0 up
# On the station's own.
at single ip tunnel add t0 mode ipip local 10.9.0.2 remote 10.9.0.1
at single ip addr add 44.128.6.5 peer 44.128.6.4 dev t0
at single ip link set t0 up

head -c 50000 /dev/urandom >/tmp/file
# `echoed NAME ADDRESS`: a file comes back from the station's echo server.
echoed() {
  at "$1" socat -T 20 - "TCP:$2:7" </tmp/file >/tmp/back
  cmp /tmp/file /tmp/back
}

for size in 56 1400 1473 4000; do
  check "ipip: the kernel's pings of $size octets" at far ping -c 3 -W 10 -s "$size" 44.128.4.4
  check "ipip: the station's ping of $size octets" said ours 'echo reply' "ping 44.128.4.5 $size"
  check "encap: the kernel's pings of $size octets" at single ping -c 3 -W 10 -s "$size" 44.128.6.4
  check "encap: the station's ping of $size octets" said single 'echo reply' "ping 44.128.6.5 $size"
done
check 'ipip: a file comes back' echoed far 44.128.4.4
check 'encap: a file comes back' echoed single 44.128.6.4
for name in ours single; do
  say "$name" ifconfig
  say "$name" 'ip status'
  say "$name" exit
done
