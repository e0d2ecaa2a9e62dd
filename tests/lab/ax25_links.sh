# shellcheck shell=sh
# Stations of the kernel's AX.25 that speak by way of a station of ours: as a digipeater between two lines, with checksums
# of KISS that are tried, and by datagrams of the host's network; and that are called by it. After radio.sh.

tnc 0 one && tnc 1 two || exit 1
# The first tries checksums, as kissattach leaves it; the second does not.
plain two

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
plain three

# Whoever calls the second or the third gets back what they say.
for port in two three; do
  echo "[$port]"
  echo "default * * * * * * - root /bin/cat cat"
done >/etc/ax25/ax25d.conf
cat >>/etc/ax25/ax25d.conf <<'END'
[N0BBB-5 VIA two]
default * * * * * * - root /tmp/greet greet
[N0CCC-5 VIA three]
default * * * * * * - root /tmp/greet greet
END
printf '#!/bin/sh\nprintf "hello from the kernel\\r"\nsleep 32\n' >/tmp/greet
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
axip route add N0CCC-5 10.9.0.1
ax25 route add near0 N0AAA
ax25 route add near1 N0BBB
ax25 route add near1 N0BBB-5
ax25 route add axip N0CCC
ax25 route add axip N0CCC-5
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
  cat /tmp/heard >>/out/heard.log
  tr '\r' '\n' </tmp/heard | grep -x '[0-9][0-9]*' | cmp - /tmp/lines
}
# `guest`: the kernel calls the station and gives it a command.
guest() {
  { sleep 2; printf 'heard\r'; sleep 3; printf 'bye\r'; sleep 5; } | timeout 60 ax25_call one N0AAA-1 DB0ZZZ >/tmp/guest
  cat /tmp/guest >>/out/heard.log
  grep -q 'Last heard' /tmp/guest
}
check "a call to the station" guest
# `greeted CALL MODULO`: the station calls the kernel, and their frames are counted so far.
greeted() {
  {
    echo "connect $1"
    sleep 30
    at ours wanbox net --json -e 'ax25 status' >/tmp/links
    cat /proc/net/ax25 >>/tmp/links
  } | at ours timeout 60 wanbox net --attach >/tmp/console
  cat /tmp/links /tmp/console >>/out/heard.log
  # The session outlives the console, and ends with the greeting.
  sleep 8
  grep -q 'hello from the kernel' /tmp/console && grep -q "\"modulo\": *$2[,}]" /tmp/links
}
check "a call of the station" greeted N0BBB-5 8
say "ax25 extended offer"
check "a call of the station modulo 128" greeted N0BBB-5 128
# A station that knows nothing of SABME.
/usr/sbin/tc qdisc add dev veth0 ingress
/usr/sbin/tc filter add dev veth0 parent ffff: protocol ip u32 match u8 0x7f 0xff at 42 action drop
check "a call of the station to one that does not answer SABME" greeted N0CCC-5 8
/usr/sbin/tc -s filter show dev veth0 parent ffff: >>/out/kernel.log
check "SABME was sent three times" grep -q 'Sent .* 3 pkt' /out/kernel.log
say "ax25 extended accept"
check "a call by way of the station" called one N0AAA N0BBB DB0ZZZ
say "ax25 status"
check "a call by way of the station, by datagrams" called one N0AAA N0CCC DB0ZZZ
for number in 0 1; do echo 1 >"/proc/sys/net/ax25/ax$number/ax25_default_mode"; done
check "a call modulo 128 by way of the station" called one N0AAA N0BBB DB0ZZZ
say "ax25 status"
say "ax25 heard"
say "axip route"

ip addr add 44.128.4.7 peer 44.128.4.4 dev ax2
check "pings by ax25ipd" ping -c 3 -W 10 44.128.4.4
check "the station's ping by ax25ipd" said 'echo reply' "ping 44.128.4.7 1000"
check "a file comes back by ax25ipd" echoed
axparms --route add three DB0ZZZ --ipmode V >>/out/kernel.log 2>&1
say "ifconfig axip encapsulation ax25i"
check "a file comes back by ax25ipd in I frames" echoed
say "ax25 status" >/out/status.axip
say "ifconfig axip"
