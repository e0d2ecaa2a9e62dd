# shellcheck shell=sh
# The kernel's eql over two PPP links to one far pppd: pings, and what each link carried of
# them. After ppp.sh.

namespace far
joined /dev/line0 /dev/line1
joined /dev/line2 /dev/line3
# The kernel has its eql in the first namespace only: this end stays there.
near() { pppd "$1" nodetach local nocrtscts noauth noccp novj 10.0.0.1:10.0.0.2 unit "$2" >>/out/near.log 2>&1 & }
near /dev/line0 0
near /dev/line2 1
pppd_at far /dev/line1 noauth novj unit 0
pppd_at far /dev/line3 noauth novj unit 1
for unit in 0 1; do
  await 30 has_address far "ppp$unit" 10.0.0.2 || exit 1
  # pppd's own route to the far end would be taken instead.
  ip route del 10.0.0.2 dev "ppp$unit"
done

ip link set eql mtu 1500 up
ip addr add 10.0.0.1 dev eql
for slave in ppp0 ppp1; do
  eql_enslave eql "$slave" 28800 || exit 1
done
ip route add 10.0.0.2 dev eql

sent() { cat "/sys/class/net/$1/statistics/tx_packets"; }
first=$(sent ppp0) second=$(sent ppp1)
ping -c 10 -i 0.2 -s 1000 -W 5 10.0.0.2
echo "ppp0 sent $(($(sent ppp0) - first)), ppp1 $(($(sent ppp1) - second))"
