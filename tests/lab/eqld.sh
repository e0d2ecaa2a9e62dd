# shellcheck shell=sh
# eqld over the kernel's PPP and SLIP: traffic over both, a line that is hung up and dialled again.
# After ppp.sh.

# `slip NAME TTY INTERFACE`: the line discipline of SLIP, as slattach gives it, in that namespace.
slip() {
  perl -e '
    open(T, "+<", $ARGV[0]) or die "$ARGV[0]: $!";
    ioctl(T, 0x5423, my $slip = pack("i", 1)) or die "TIOCSETD: $!";
    sleep 100000;
  ' "$2" >>/out/slip.log 2>&1 &
  await 10 test -e "/sys/class/net/$3" || return 1
  ip link set "$3" netns "$(cat "/run/ns.$1")" && at "$1" ip link set "$3" mtu 1500 up
}

# `dial UNIT`: both ends of the PPP line.
dial() {
  pppd_at near /dev/line0 noauth novj unit "$1" 10.0.0.1:10.0.0.2
  pppd_at far /dev/line1 noauth novj unit "$1"
  await 40 has_address near ppp0 10.0.0.1 && await 40 has_address far ppp0 10.0.0.2 || return 1
  # pppd's own routes to the other end would be taken instead.
  at near ip route del 10.0.0.2 dev ppp0
  at far ip route del 10.0.0.1 dev ppp0
}

# `sent NAME INTERFACE`: packets.
# shellcheck disable=SC2016 # what awk calls $11
sent() { at "$1" awk -v "name=$2:" '$1 == name { print $11 }' /proc/net/dev; }
# `more COUNT INTERFACE`: the interface has sent a good part of a file since.
more() { [ "$(sent near "$2")" -gt "$(($1 + 20))" ]; }
state_of() { wan near eql_status --json eql | grep -q "\"name\":\"$1\",\"state\":\"$2\""; }

namespace near far
joined /dev/line0 /dev/line1
joined /dev/line2 /dev/line3
mkdir -p /r/near /r/far
check "SLIP line" slip near /dev/line2 sl0
check "SLIP line, far end" slip far /dev/line3 sl1
check "PPP line" dial 0

here=1 there=2
for end in near far; do
  check "$end: eqld" wan "$end" eqld eql --mtu 1500 --log-file "/out/$end.eqld.log"
  at "$end" ip addr add "10.0.0.$here" peer "10.0.0.$there" dev eql
  at "$end" ip addr add "fd00:e::$here/64" dev eql
  at "$end" ip link set eql up
  slip=sl$((here - 1))
  check "$end: PPP is a slave" wan "$end" eql_enslave --sticky eql ppp0 230400
  check "$end: SLIP is a slave" wan "$end" eql_enslave eql "$slip" 115200
  here=2 there=1
done

dd if=/dev/urandom of=/tmp/file bs=1000 count=150 2>/dev/null
ppp=$(sent near ppp0) slip=$(sent near sl0)
check "IPv4 over both" transfer near far 10.0.0.2 /tmp/file
check "PPP carried some" more "$ppp" ppp0
check "SLIP carried some" more "$slip" sl0
check "IPv6" await 20 at near ping -6 -c 4 -W 5 fd00:e::2

# A line is hung up while a file is under way, and dialled again: it waits, and is used again.
hang_up() {
  sleep 2
  stop near far
  await 20 state_of ppp0 waiting
}
hang_up &
hung_up=$!
check "a line hung up under way" transfer near far 10.0.0.2 /tmp/file
check "it waits" wait "$hung_up"
check "dialled again" dial 0
check "taken again" await 20 state_of ppp0 up
ppp=$(sent near ppp0)
check "a file after it" transfer near far 10.0.0.2 /tmp/file
check "over both again" more "$ppp" ppp0
at near ip link set sl0 down
check "SLIP is buried" await 10 state_of sl0 buried
wan near eql_status --json eql
kill "$(cat /r/near/run/wanbox/eqld-eql.pid)"
no_master() { ! at near ip link show eql; }
check "the master is gone" await 10 no_master
