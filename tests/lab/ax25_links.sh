# shellcheck shell=sh
# Stations of the kernel's AX.25 that speak by way of a station of ours: as a digipeater between two lines, with checksums
# of KISS that are tried, and by datagrams of the host's network. After ppp.sh.

mkdir -p /etc/ax25 /var/lock
cat >/etc/ax25/axports <<'END'
one N0AAA 38400 256 4 first
two N0BBB 38400 256 4 second
three N0CCC 38400 256 4 third
END

namespace ours
start_station() {
  at ours wanbox net -d "$1" >>/out/station.log 2>&1
}
say() { at ours wanbox net -e "$1" 2>&1 | tee -a /out/station.log; }
# `said TEXT COMMAND`: the station's answer has it.
said() { say "$2" | grep -qF -e "$1"; }

# `kernel NUMBER PORT TTY`: a line of the kernel.
kernel() {
  kissattach "$3" "$2" >>/out/kissattach.log 2>&1
  await 10 test -e "/proc/sys/net/ax25/ax$1" || return 1
  ip link set "ax$1" mtu 256 up
  # What is acknowledged after 3 s would be all that is tested.
  echo 100 >"/proc/sys/net/ax25/ax$1/t2_timeout"
}
# `tnc NUMBER PORT`: /dev/nearNUMBER of the station is joined with axNUMBER of the kernel.
tnc() {
  joined "/dev/far$1" "/dev/near$1"
  kernel "$1" "$2" "/dev/far$1"
}
tnc 0 one && tnc 1 two || exit 1
# The first tries checksums, as kissattach leaves it; the second does not.
kissparms -p two -c 1 >>/out/kissattach.log 2>&1

# Between the namespaces, for datagrams with frames.
ip link add type veth
ip link set veth1 netns "$(cat /run/ns.ours)"
ip addr add 10.9.0.1/24 dev veth0
ip link set veth0 up
at ours ip addr add 10.9.0.2/24 dev veth1
at ours ip link set veth1 up
cat >/etc/ax25/ax25ipd.conf <<'END'
socket udp 10093
mode tnc
device /dev/ptmx
speed 38400
loglevel 4
broadcast QST-0 NODES-0
route DB0ZZZ 10.9.0.2 udp 10093 b
END
ax25ipd -c /etc/ax25/ax25ipd.conf >/out/ax25ipd.log 2>&1 &
await 10 grep -q /dev/pts /out/ax25ipd.log
kernel 2 three "$(grep -o '/dev/pts/[0-9]*' /out/ax25ipd.log | head -n 1)" || exit 1
kissparms -p three -c 1 >>/out/kissattach.log 2>&1

# Whoever calls the second or the third gets back what they say.
for port in two three; do
  echo "[$port]"
  echo "default * * * * * * - root /bin/cat cat"
done >/etc/ax25/ax25d.conf
cat >>/etc/ax25/ax25d.conf <<'END'
[N0BBB-5 VIA two]
default * * * * * * - root /tmp/greet greet
END
printf '#!/bin/sh\nprintf "hello from the kernel\\r"\nsleep 5\n' >/tmp/greet
chmod +x /tmp/greet
ax25d >>/out/ax25d.log 2>&1

cat >/tmp/net.rc <<END
hostname lab
ip address 44.128.4.4
ax25 mycall DB0ZZZ
ax25 t2 100
ax25 digipeat 2
attach asy 0 0 kissi near0 0 256 460800
ifconfig near0 crc test
attach asy 0 0 kissi near1 0 256 460800
attach axip axip udp 10093
axip route add N0CCC 10.9.0.1
ax25 route add near0 N0AAA
ax25 route add near1 N0BBB
ax25 route add near1 N0BBB-5
ax25 route add axip N0CCC
route add 44.128.4.5 near0
route add 44.128.4.7 axip
start echo
start ax25
ax25 jumpstart N0AAA-1 on
END
start_station /tmp/net.rc

ip addr add 44.128.4.5 peer 44.128.4.4 dev ax0
check "datagrams, and checksums that are tried" ping -c 3 -W 10 44.128.4.4
check "the station found the checksum of SMACK" said 'crc-16 enabled crc errors 0' "ifconfig near0"
ip addr del 44.128.4.5 peer 44.128.4.4 dev ax0

seq 1 400 >/tmp/lines
# `called PORT FROM TO DIGI...`: lines that are said come back.
called() {
  { cat /tmp/lines; sleep 20; } | timeout 60 ax25_call "$@" >/tmp/heard
  cat /tmp/heard >>/out/heard
  tr '\r' '\n' </tmp/heard | grep -x '[0-9][0-9]*' | cmp - /tmp/lines
}
# `guest`: the kernel calls the station and gives it a command.
guest() {
  { sleep 2; printf 'heard\r'; sleep 3; printf 'bye\r'; sleep 5; } | timeout 60 ax25_call one N0AAA-1 DB0ZZZ >/tmp/guest
  cat /tmp/guest >>/out/heard
  grep -q 'Last heard' /tmp/guest
}
check "a call to the station" guest
# `greeted`: the station calls the kernel.
greeted() {
  { echo 'connect N0BBB-5'; sleep 8; } | at ours timeout 60 wanbox net --attach >/tmp/console
  cat /tmp/console >>/out/heard
  grep -q 'hello from the kernel' /tmp/console
}
check "a call of the station" greeted
check "a call by way of the station" called one N0AAA N0BBB DB0ZZZ
say "ax25 status"
check "a call by way of the station, by datagrams" called one N0AAA N0CCC DB0ZZZ
for number in 0 1; do echo 1 >"/proc/sys/net/ax25/ax$number/ax25_default_mode"; done
check "a call modulo 128 by way of the station" called one N0AAA N0BBB DB0ZZZ
say "ax25 status"
say "ax25 heard"
say "axip route"

head -c 100000 /dev/urandom >/tmp/file
echoed() {
  socat -T 60 - TCP:44.128.4.4:7 </tmp/file >/tmp/back
  cmp /tmp/file /tmp/back
}
ip addr add 44.128.4.7 peer 44.128.4.4 dev ax2
check "pings by ax25ipd" ping -c 3 -W 10 44.128.4.4
check "the station's ping by ax25ipd" said 'echo reply' "ping 44.128.4.7 1000"
check "a file comes back by ax25ipd" echoed
axparms --route add three DB0ZZZ --ipmode V >>/out/kissattach.log 2>&1
say "ifconfig axip encapsulation ax25i"
check "a file comes back by ax25ipd in I frames" echoed
say "ax25 status" >/out/status.axip
say "ifconfig axip"
