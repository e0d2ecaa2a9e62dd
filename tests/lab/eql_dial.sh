# shellcheck shell=sh
# eql_dial keeps two pppds up as slaves of the kernel's eql: one is killed and redialled, lock
# files are respected and taken over, a daemon is killed, cron takes its place, and DSLIP's file
# makes a SLIP interface. After ppp.sh.

namespace far
joined /dev/line0 /dev/line1
joined /dev/line2 /dev/line3
joined /dev/line4 /dev/line5
mkdir -p /var/lock /etc/ppp /etc/wanpipe /etc/slip
# The far end answers for ever.
for n in 0 1; do
  start "far" pppd "/dev/line$((2 * n + 1))" nodetach local nocrtscts noauth noccp novj persist \
    holdoff 1 maxfail 0 lcp-restart 1 ipcp-restart 1 "10.0.0.2:10.0.0.1" unit "$n"
done
# The kernel has its eql in the first namespace only: this end stays there.
ip link set eql mtu 1500 up
ip addr add 10.0.0.1 dev eql
ip route add 10.0.0.2 dev eql
dial=$(command -v eql_dial)
cat >/etc/ppp/ip-up <<END
#!/bin/sh
# pppd's own route to the far end would be taken instead.
ip route del 10.0.0.2 dev \$1
exec $dial up \$1 \$3 2>>/out/ip-up.log
END
cat >/etc/ppp/ip-down <<END
#!/bin/sh
exec $dial down \$1 2>>/out/ip-down.log
END
chmod +x /etc/ppp/ip-up /etc/ppp/ip-down

options='local nocrtscts noauth noccp novj lcp-restart 1 ipcp-restart 1 logfile /out/near.log 10.0.0.1:10.0.0.2'
conf=/etc/wanpipe/eql_dial.conf
cat >$conf <<END
# Stays a child, and makes its own lock file.
[one]
COMMAND = pppd /dev/line0 38400 lock $options
DEVICE  = line0
MASTER  = eql
REDIAL  = 1
MIN_UP  = 1

# Goes to the background once it is up.
[two]
COMMAND = pppd /dev/line2 9600 updetach $options
DEVICE  = line2
MASTER  = eql
RATE    = 28800
REDIAL  = 1
MIN_UP  = 1
END

json() { eql_dial status --json "$1"; }
is() { json "$1" | grep -q "\"state\":\"$2\""; }
up() { is "$1" up && json "$1" | grep -q '"enslaved":true'; }
process() { json "$1" | sed -n 's/.*"pid":\([0-9]*\).*/\1/p'; }
slaves() { [ "$(eql_status --json eql | grep -o '"name":"ppp[0-9]*"' | wc -l)" = "$1" ]; }
priority() { eql_status --json eql | grep -q "\"priority\":$1[,}]"; }
sent() { cat "/sys/class/net/$1/statistics/tx_packets"; }
other_up() { up "$1" && [ "$(process "$1")" != "$2" ]; }

check "configuration" eql_dial --check
check "daemon" eql_dial --log-file /out/eql_dial.log
check "one is up" await 30 up one
check "two is up" await 30 up two
check "both are slaves" slaves 2
check "pppd's rate" priority 38400
check "the file's rate" priority 28800
check "a ping over both" ping -c 10 -i 0.2 -s 1000 -W 5 10.0.0.2
check "each carried some" test "$(sent ppp0)" -gt 3 -a "$(sent ppp1)" -gt 3

# A line that is killed is dialled again, also one in the background.
for line in one two; do
  before=$(process $line)
  kill -9 "$before"
  check "$line is redialled" await 30 other_up $line "$before"
  check "$line is a slave again" slaves 2
done
# One that hangs up by itself.
before=$(process one)
kill -HUP "$before"
check "one is redialled after a hang-up" await 30 other_up one "$before"

# One that the far end hangs up.
before=$(process two)
kill -HUP "$(cat /run/far.pid)"
check "two is redialled when the far end hangs up" await 30 other_up two "$before"

# Lock files.
eql_dial down two
check "two is hung up" await 20 is two down
check "one slave is left" slaves 1
sleep 1000 &
stranger=$!
printf '%10d\n' $stranger >/var/lock/LCK..line2
eql_dial up two
busy() { json two | grep -q '"busy":[1-9]'; }
check "a lock is respected" await 20 busy
kill $stranger
wait $stranger
check "a stale lock is taken over" await 30 up two
lock_of() { [ "$(tr -d ' ' <"/var/lock/LCK..$1")" = "$2" ]; }
check "the lock is the dialer's" await 5 lock_of line2 "$(process two)"

# A daemon that is killed: its successor takes over what runs.
one=$(process one) two=$(process two)
kill -9 "$(cat /run/wanbox/eql_dial.pid)"
check "the lines go on" ping -c 3 -W 5 10.0.0.2
check "another daemon" eql_dial --log-file /out/eql_dial.log
same() { up one && up two && [ "$(process one)" = "$one" ] && [ "$(process two)" = "$two" ]; }
check "took both over" await 10 same
check "and their slaves" slaves 2
check "ends" eql_dial stop
check "no slave is left" slaves 0
gone_both() { ! ip link show ppp0 && ! ip link show ppp1; }
check "no interface is left" await 10 gone_both

# From cron.
check "once" eql_dial --once --log-file /out/once.log
check "brought both up" slaves 2
check "once more" eql_dial --once --log-file /out/once.log
check "changed nothing" test "$(grep -c dialing /out/once.log)" = 2
kill -9 "$(pidof pppd | tr ' ' '\n' | while read -r p; do grep -q line0 "/proc/$p/cmdline" && echo "$p"; done)"
again() { eql_dial --once --log-file /out/once.log && slaves 2; }
check "a later one redials" await 30 again
check "and hangs up what the file has no more" sh -c "echo '[none]
COMMAND = pppd
KEEP = manual' >$conf; eql_dial --once"
check "nothing is left" await 10 gone_both

# DSLIP's file; the modem answers on the other end of the line.
cat >/etc/slip/dial.xp <<'END'
#!/bin/sh
echo "ATDT$1"
read -r answer
case $answer in *CONNECT*) exit 0 ;; esac
exit 1
END
chmod +x /etc/slip/dial.xp
(read -r asked; echo "$asked" >/out/asked; echo CONNECT >&3
 dd bs=1 count=1 2>/dev/null >/out/octet) </dev/line5 3>/dev/line5 &
ip link set eql mtu 576
cat >/etc/slip/runslip.conf <<'END'
name	    sl-line-1
enabled
baud	    38400
mtu	     576
ducmd	   -e /etc/slip/dial.xp 5551212 -t 30
command	 eql_enslave eql $interface 19200
address	 10.0.0.1
line	    /dev/line4
END
check "DSLIP's file" eql_dial --log-file /out/runslip.log --runslip /etc/slip/runslip.conf
check "its line is up" await 30 up sl-line-1
check "the script dialled" grep -q '^ATDT5551212' /out/asked
check "its slave" sh -c 'eql_status --json eql | grep -q "\"name\":\"sl0\".*\"priority\":19200"'
check "its interface" sh -c 'ip addr show sl0 | grep -q "mtu 576" && ip addr show sl0 | grep -q "inet 10.0.0.1"'
ping -c 1 -W 1 10.0.0.2 >/dev/null 2>&1
check "it carries frames" await 5 sh -c 'od -An -tx1 /out/octet | grep -q c0'
check "is hung up" eql_dial stop
check "and gone" await 5 sh -c '! ip link show sl0'
