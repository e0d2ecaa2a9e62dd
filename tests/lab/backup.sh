# shellcheck shell=sh
# A dial-up connection by pppd takes over from a primary that is cut under load. After ppp.sh.
#
# Addresses on lo are the ends of the traffic; at both ends wpbackupd moves the route to the other.

namespace ours peer
mkdir -p /r/cable
for end in ours peer; do
  etc=/r/$end/etc/wanpipe
  mkdir -p "$etc/interfaces" "/r/$end/run/wanbox"
  ln -s /r/cable "/r/$end/run/wanbox/cable"
  echo 'WAN_DEVICES="wanpipe1"' >"$etc/wanrouter.rc"
  printf '%s\n' '[devices]' 'wanpipe1 = WAN_CHDLC' '[interfaces]' \
    'wp1chdlc = wanpipe1, , WANPIPE' '[wanpipe1]' 'LINE = cable:primary' '[wp1chdlc]' \
    'KEEPALIVE_TX_TIMER = 500' 'KEEPALIVE_RX_TIMER = 600' >"$etc/wanpipe1.conf"
done
printf 'IPADDR=10.0.0.1\nPOINTOPOINT=10.0.0.2\nNETMASK=255.255.255.255\n' \
  >/r/ours/etc/wanpipe/interfaces/wp1chdlc
printf 'IPADDR=10.0.0.2\nPOINTOPOINT=10.0.0.1\nNETMASK=255.255.255.255\n' \
  >/r/peer/etc/wanpipe/interfaces/wp1chdlc

# Who calls is answered by a pppd; the line is busy only while somebody calls.
start peer socat UNIX-LISTEN:/run/exchange,fork \
  EXEC:'pppd notty nodetach local noauth nocrtscts noccp 10.9.0.2\:10.9.0.1'
await 10 test -S /run/exchange
mkdir -p /etc/ppp
printf '%s\n' 'pty "socat - UNIX-CONNECT:/run/exchange"' local noauth nocrtscts noccp \
  'logfile /out/dial.log' 10.9.0.1:10.9.0.2 >/etc/ppp/backup.options

FAIL_AFTER=2
DIAL_TIMEOUT=30
cat >/r/ours/etc/wanpipe/wpbackupd.conf <<END
[wp1chdlc]
INTERFACE     = ppp0
PPPD          = file /etc/ppp/backup.options
FAIL_AFTER    = $FAIL_AFTER
DIAL_TIMEOUT  = $DIAL_TIMEOUT
RESTORE_AFTER = 3
ROUTES        = 10.91.0.1/32
END
# The far end follows: its backup comes up when it is called.
cat >/r/peer/etc/wanpipe/wpbackupd.conf <<END
[wp1chdlc]
INTERFACE     = ppp0
START         = true
STOP          = true
FAIL_AFTER    = $FAIL_AFTER
DIAL_TIMEOUT  = 60
RESTORE_AFTER = 3
ROUTES        = 10.90.0.1/32
END

in_state() { wan ours wpbackupd status --json | grep -q "\"state\":\"$1\""; }
carries() { at ours ping -c 1 -W 2 -I 10.90.0.1 10.91.0.1; }
route_is() { at ours ip route show 10.91.0.1 | grep -q "dev $1"; }
no_ppp() { ! at ours ip link show ppp0; }

at ours ip addr add 10.90.0.1/32 dev lo
at peer ip addr add 10.91.0.1/32 dev lo
for end in ours peer; do wan $end wanrouter start >>/out/$end.wan.log 2>&1; done
check "primary: up" await 20 at ours ping -c 1 -W 1 10.0.0.2
at ours ip route add 10.91.0.1/32 dev wp1chdlc src 10.90.0.1
at peer ip route add 10.90.0.1/32 dev wp1chdlc src 10.91.0.1
for end in ours peer; do
  wan $end wpbackupd --log-file /out/$end.backup.log
done
check "primary: carries" await 10 carries
check "primary: nobody dials" no_ppp

# The load: a hundred pings a second the whole time.
nsenter -t "$(cat /run/ns.ours)" -n \
  ping -i 0.01 -I 10.90.0.1 -s 1000 10.91.0.1 >/out/load.log 2>&1 &
load=$!
for round in 1 2; do
  wan ours wanconfig card wanpipe1 line cut >>/out/ours.log
  cut=$(date +%s)
  check "$round: takes over" await $((FAIL_AFTER + DIAL_TIMEOUT)) in_state backup
  took=$(($(date +%s) - cut))
  echo "took over within $took s"
  check "$round: within the configured time" test "$took" -le $((FAIL_AFTER + DIAL_TIMEOUT))
  check "$round: the route follows" route_is ppp0
  check "$round: carries" await 20 carries
  wan ours wanconfig card wanpipe1 line join >>/out/ours.log
  check "$round: returns" await 40 in_state primary
  check "$round: the route returns" route_is wp1chdlc
  check "$round: carries again" await 20 carries
  check "$round: hung up" await 20 no_ppp
done
kill -INT "$load"
wait "$load"
tail -n 3 /out/load.log
answered=$(sed -n 's/.* \([0-9]*\) packets received.*/\1/p; s/.* \([0-9]*\) received.*/\1/p' /out/load.log | tail -n 1)
check "the load went on" test "${answered:-0}" -gt 500
