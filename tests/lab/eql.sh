# shellcheck shell=sh
# The kernel's eql over two PPP links to one far pppd, enslaved by pppd's ip-up: pings, and what
# each link carried of them. After ppp.sh.

ip link set eql mtu 1500 up
ip addr add 10.0.0.1 dev eql
# As in the HOWTO. The other end's pppd calls it too.
cat >/etc/ppp/ip-up <<'END'
#!/bin/sh
PATH=$PATH:/usr/local/sbin
if [ "$4" = 10.0.0.1 ]; then
  # pppd's own route to the far end would be taken instead.
  ip route del "$5" dev "$1"
  eql_enslave eql "$1" "$3" 2>>/out/ip-up.log && echo "$1 $3" >>/run/enslaved
fi
END
chmod 755 /etc/ppp/ip-up

namespace far
joined /dev/line0 /dev/line1
joined /dev/line2 /dev/line3
# The kernel has its eql in the first namespace only: this end stays there.
near() { pppd "$1" 38400 nodetach local nocrtscts noauth noccp novj 10.0.0.1:10.0.0.2 unit "$2" >>/out/near.log 2>&1 & }
near /dev/line0 0
near /dev/line2 1
pppd_at far /dev/line1 noauth novj unit 0
pppd_at far /dev/line3 noauth novj unit 1
for unit in 0 1; do
  await 30 has_address far "ppp$unit" 10.0.0.2 || exit 1
  await 30 grep -qx "ppp$unit 38400" /run/enslaved || exit 1
done
ip route add 10.0.0.2 dev eql

sent() { cat "/sys/class/net/$1/statistics/tx_packets"; }
first=$(sent ppp0) second=$(sent ppp1)
ping -c 10 -i 0.2 -s 1000 -W 5 10.0.0.2
echo "ppp0 sent $(($(sent ppp0) - first)), ppp1 $(($(sent ppp1) - second))"
