# shellcheck shell=sh
# The kernel's LAPB and X.25 with wanpiped, over a pair of Ethernets. After ppp.sh and x25.sh, with
# MODULO set to that of the packets.

namespace ours
ip link add type veth
ip link set veth1 netns "$(cat /run/ns.ours)"
ip link set veth0 up
at ours ip link set veth1 up
ip link set lapb0 up
if [ "$MODULO" = 128 ]; then x25 subscribe lapb0 extended; fi
x25 route add 2 lapb0
x25 route add 3 lapb0

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
[x25routes]
3 = wanpipe9
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
check "nobody takes it" told nobody '{"cause":13,"diagnostic":67,"event":"refused"'
x25_run unknown call 2008 cud=c0ffee
check "nobody knows what it carries" told unknown '{"cause":0,"diagnostic":249,"event":"refused"'
x25_run away call 3001
check "the way there is out of order" told away '{"cause":9,"diagnostic":0,"event":"refused"'

# Files both ways at once, 100 kB each.
head -c 100000 /dev/urandom >/tmp/one
head -c 100000 /dev/urandom >/tmp/other
wan ours x25listen -v --json -a 2001 </tmp/one >/tmp/taken 2>/out/listen.log &
listener=$!
sleep 1
x25_run call call 2001 from=1001 cud=c0ffee packet=10 window=7 -- \
  interrupt:77 send:/tmp/other receive:/tmp/got:100000 next sleep:20
check "a call of the kernel" told call '"event":"connected"'
check "with what it asked for" told call '"packet_in":10,"packet_out":10,"reverse":0,"throughput":0,"window_in":7,"window_out":7'
check "ends well" wait "$listener"
check "the kernel has it all" cmp /tmp/one /tmp/got
check "it was sent whole" cmp /tmp/other /tmp/taken

x25_start answer listen 1002 packet=10 window=7 -- send:/tmp/one receive:/tmp/got2:100000 next sleep:20
told answer listening
call_it() {
  wan ours x25call -v --json -s 2002 -u 01000000 -f packet=512 -f window=3 1002 \
    </tmp/other >/tmp/taken2 2>/out/called.log
}
check "a call to the kernel" call_it
check "with what we asked for" told answer '"packet_in":9,"packet_out":9,"reverse":0,"throughput":0,"window_in":3,"window_out":3'
check "who calls" told answer '"from":"2002"'
check "the kernel has that, too" cmp /tmp/other /tmp/got2
check "and it was sent" cmp /tmp/one /tmp/taken2

# Causes of the kernel.
x25_start refuse listen 1003 -- sleep:1 cause:13,77
told refuse listening
wan ours x25call -n --json 1003 >/dev/null 2>/out/cause.log
check "why the kernel clears" told cause \
  '"cause":13,"channel":1,"device":"wanpipe1","diagnostic":77'
wan ours x25listen -n --json -a 2003 >/dev/null 2>/out/theirs.log &
listener=$!
sleep 1
x25_run caller call 2003 -- sleep:1 cause:5,78
wait "$listener"
check "why it clears its own call" told theirs \
  '"cause":5,"channel":1,"device":"wanpipe1","diagnostic":78'

# Ours: both ends have sent all there is; what came cannot be written.
wan ours x25listen -n -a 2004 >/dev/null 2>>/out/listen.log &
listener=$!
sleep 1
x25_run all call 2004 qualifier=yes -- data:0105 next next
check "we clear when all is there" told all '{"cause":0,"diagnostic":241,"event":"cleared"}'
check "that was well" wait "$listener"
wan ours x25listen -n -a 2005 >/dev/full 2>>/out/listen.log &
listener=$!
sleep 1
x25_run full call 2005 -- data:61 next next
check "we clear when something is wrong" told full '{"cause":0,"diagnostic":242,"event":"cleared"}'
wait "$listener"

# Both clear at once, which the kernel confirms; the channel is good for the next call.
for place in first second; do
  wan ours x25listen -n -N -a 2006 >/dev/null 2>>/out/listen.log &
  listener=$!
  sleep 1
  check "the $place of two calls that both ends clear is answered" \
    timeout 30 e2e kernel-x25 call 2006
  wait "$listener"
done
wan_stop ours
