# shellcheck shell=sh
# The kernel's NET/ROM with Debian's netromd, over mkiss, and a node of ours at the other end of the line: who
# knows whom, circuits both ways, datagrams. After radio.sh.

echo 'root:x:0:0:root:/:/bin/sh' >/etc/passwd
echo 'netrom N0AAA-7 THEIRS 236 node' >/etc/ax25/nrports
echo 'one 5 192 10 1' >/etc/ax25/nrbroadcast
# Whoever opens a circuit to the kernel gets back what he sends.
cat >/etc/ax25/ax25d.conf <<'END'
<netrom>
NOCALL * * * * * * L
default * * * * * * - root /bin/cat cat
END

# `has TEXT FILE`
has() { grep -qF -e "$1" "$2"; }

tnc 0 one || exit 1
plain one
nrattach netrom >>/out/kernel.log 2>&1
await 10 test -e /sys/class/net/nr0 || exit 1
ip addr add 44.64.0.2/24 dev nr0
ip link set nr0 up
cat >/tmp/net.rc <<'END'
hostname lab
ip address 44.64.0.1
ax25 mycall DB0ZZZ
ax25 t2 100
attach asy 0 0 kissui near0 0 256 460800
attach netrom
ifconfig netrom netmask 0xffffff00
arp add 44.64.0.2 netrom N0AAA-7
route add 44.64.0/24 netrom
netrom ident OURS
netrom broadcast near0 NODES
netrom parms 7 30
start netrom
END
start_station /tmp/net.rc
netromd -i -t 1
ax25d
check 'theirs knows ours' await 90 grep -q DB0ZZZ /proc/net/nr_nodes
cat /proc/net/nr_nodes /proc/net/nr_neigh >>/out/kernel.log
# What netromd sends first may have come before the station did.
sleep 60
check 'ours knows theirs' said 'N0AAA-7    THEIRS' 'netrom nodes'
say 'netrom links'

(
  sleep 10
  printf 'nodes\r'
  sleep 10
) | netrom_call netrom DL1XYZ DB0ZZZ >/out/call 2>&1
check 'a circuit from theirs to ours' has THEIRS /out/call
cat /out/call

seq 1 400 >/tmp/lines
(
  sleep 1
  printf 'netrom connect N0AAA-7\r'
  sleep 10
  tr '\n' '\r' </tmp/lines
  sleep 60
) | socat -t 1 - "EXEC:nsenter -t $(cat /run/ns.ours) -n wanbox net --attach,pty,raw,echo=0" >/out/session 2>&1 &
session=$!
sleep 8
say 'netrom status'
cat /proc/net/nr >>/out/kernel.log
wait "$session"
# Each line was shown when it was typed, and came back.
tr -d '\r' </out/session | grep -x '[0-9]*' | sort -n >/tmp/back
sort -n /tmp/lines /tmp/lines >/tmp/twice
check 'a circuit from ours to theirs' cmp /tmp/back /tmp/twice
say 'netrom status 2'
check 'what was sent is acknowledged' said 'Snd queue:    0' 'netrom status 2'

/usr/bin/ip neigh replace 44.64.0.1 lladdr 88:84:60:b4:b4:b4:00 nud permanent dev nr0
check 'ours pings theirs by NET/ROM' said 'echo reply' 'ping 44.64.0.2 100'
check 'theirs pings ours by NET/ROM' ping -c 3 -W 10 -s 180 44.64.0.1
say 'arp'
cat /proc/net/nr_nodes /proc/net/nr_neigh /proc/net/nr >>/out/kernel.log
