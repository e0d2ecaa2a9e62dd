# shellcheck shell=sh
# The kernel's LAPB and X.25 with wanpiped, over a pair of Ethernets. After ppp.sh and x25.sh, with
# MODULO set to that of the packets.

namespace ours
ip link add type veth
ip link set veth1 netns "$(cat /run/ns.ours)"
ip link set veth0 up
at ours ip link set veth1 up
if [ "$MODULO" = 128 ]; then x25 subscribe lapb0 extended; fi
ip link set lapb0 up
x25 route add 2 lapb0

etc=/r/ours/etc/wanpipe
mkdir -p "$etc/interfaces"
echo 'WAN_DEVICES="wanpipe1"' >"$etc/wanrouter.rc"
cat >"$etc/wanpipe1.conf" <<END
[devices]
wanpipe1 = WAN_X25
[interfaces]
wp1out = wanpipe1, @1009, WANPIPE
wp1in = wanpipe1, @, WANPIPE
[wanpipe1]
LINE = lapbether:veth1
STATION = DCE
X25_MODE = $MODULO
LOWESTSVC = 1
HIGHESTSVC = 100
DEF_PKT_SIZE = 128
CALL_SETUP_LOG = YES
MTU = 1000
[wp1out]
X25_SRC_ADDR = 2009
[wp1in]
X25_ACCEPT_DST_ADDR = 2008
END
printf '%s\n' IPADDR=10.0.8.1 NETMASK=255.255.255.255 POINTOPOINT=10.0.8.2 >"$etc/interfaces/wp1out"
printf '%s\n' IPADDR=10.0.9.1 NETMASK=255.255.255.255 POINTOPOINT=10.0.9.2 >"$etc/interfaces/wp1in"
wan ours wanrouter start >>/out/ours.log 2>&1
is_up() { wan ours wanrouter status wanpipe1 | tee -a /out/status.log | grep -qi connected; }
check "the link comes up" await 60 is_up
wan ours wanconfig card wanpipe1 capture /out/line.pcap

# An echo request from 10.0.9.2 to 10.0.9.1, and the data that come back.
request=4500003000010000400154ca0a0009020a00090108008f7e123400016163726f737320582e323520616e64206261636b
data=6163726f737320582e323520616e64206261636b
x25_run ip call 2008 from=1008 cud=cc -- "data:$request" next
check "IP in a call of the kernel" told ip "$data"
x25_start ping listen 1009 -- next
told ping listening
at ours ping -c 1 -W 5 10.0.8.2 >>/out/ours.log 2>&1
check "IP in a call to the kernel" told ping '"data":"45'
check "who calls it" told ping '"cud":"cc","event":"accepted","extension":"","facilities"'
x25_run nobody call 2777
check "nobody takes it" told nobody '{"cause":13,'
