# shellcheck shell=sh
# What happens to packets of a subscriber. After ppp.sh and l2tp.sh.

nets
lns 'set radius_secret "radius secret"
set primary_radius 198.51.100.9
set dae_clients 127.0.0.1
ip access-list extended no-web
 deny tcp any any eq 80
 permit ip any any'
lac

# A subscriber of the file needs no RADIUS server, which is not there.
call joe 'open sesame'
check "logs in" online 10.9.0.
address=$(at lac ip addr show ppp0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p')
session=$(cli 'show session' | awk '/joe/ { print $1 }')

dd if=/dev/urandom of=/tmp/file bs=1M count=100 2>/dev/null
check "100 MB from the subscriber arrive whole" transfer lac site "$SITE" /tmp/file
check "100 MB to the subscriber arrive whole" transfer site lac "$address" /tmp/file
rm -f /tmp/file /tmp/received

# `octets NAMESPACE INTERFACE`: how many it received, of IP packets.
octets() { at "$1" cat /proc/net/dev | sed 's/:/ /' | awk -v name="$2" '$1 == name { print $2 }'; }

# `flood FROM TO KBIT`: UDP packets of 1028 octets at that rate for 12 s.
flood() {
  at "$1" iperf3 -u -c "$2" -b "${3}K" -l 1000 -t 12 >>/out/iperf.log 2>&1
}

# `within NAME WANTED`: the rate of what comes out there is within 5 % of that for 8 s.
within() {
  before=$(octets "$1" "$2")
  start=$(milliseconds)
  sleep 8
  after=$(octets "$1" "$2")
  end=$(milliseconds)
  rate=$(((after - before) * 8 * 1000 / 1024 / (end - start)))
  echo "$1 $2: $rate kbit/s, wanted $3"
  [ "$rate" -ge "$(($3 * 95 / 100))" ] && [ "$rate" -le "$(($3 * 105 / 100))" ]
}

throttled() {
  cli "throttle joe in 800 out 1600" || return 1
  sleep 1
  at site iperf3 -s -D --pidfile /tmp/iperf.pid
  sleep 1
  flood lac "$SITE" 2400 &
  flooding=$!
  sleep 2
  # What comes from the TUN of the server.
  within lns tun0 800
  up=$?
  wait "$flooding"
  at lac iperf3 -s -D --pidfile /tmp/iperf2.pid
  sleep 1
  flood site "$address" 4800 &
  flooding=$!
  sleep 2
  within lac ppp0 1600
  down=$?
  wait "$flooding"
  kill "$(cat /tmp/iperf.pid)" "$(cat /tmp/iperf2.pid)"
  [ "$up" = 0 ] && [ "$down" = 0 ]
}
check "throttled in both directions" throttled
check "the throttle is shown" sh -c "$(command -v l2tpns) --root /r -e 'show throttle' | grep -q '800 *1600'"
check "throttled no more" cli 'no throttle joe'

snooped() {
  at site socat -u UDP-RECV:5555 CREATE:/tmp/snooped &
  socat=$!
  sleep 1
  cli "snoop joe $SITE 5555" || return 1
  sleep 2
  at lac ping -c 3 "$SITE"
  sleep 2
  cli 'no snoop joe'
  kill "$socat"
  # Three requests of 84 octets and their answers.
  [ "$(wc -c </tmp/snooped)" -ge $((6 * 84)) ]
}
check "its packets are copied to a collector" snooped

# `web`: whether a web server at the site can be connected to.
web() { at lac socat -u /dev/null "TCP:$SITE:80,connect-timeout=3"; }

filtered() {
  at site socat -u TCP-LISTEN:80,reuseaddr,fork /dev/null &
  server=$!
  await 10 web || return 1
  cli 'filter joe in no-web' || return 1
  sleep 2
  ! web && at lac ping -c 1 -W 5 "$SITE"
  done=$?
  cli 'no filter joe' && await 10 web || done=1
  kill "$server"
  return $done
}
check "filtered by an access list, and no more" filtered

# Ended from every side.
check "dropped from the command line" cli 'drop user joe'
check "the subscriber hears of it" away
call joe 'open sesame'
check "logs in again" online 10.9.0.
cli "show session" >>/out/checks.log
echo 'User-Name = joe' >/tmp/disconnect
check "disconnected by RADIUS" \
  at lns radclient -x -t 5 -r 2 -f /tmp/disconnect 127.0.0.1:3799 disconnect 'radius secret'
check "the subscriber hears of that too" away
call joe 'open sesame'
check "logs in a third time" online 10.9.0.
hang_up
check "ended from the far end" away
check "every session was counted" sh -c "[ '${session:-none}' != none ]"
