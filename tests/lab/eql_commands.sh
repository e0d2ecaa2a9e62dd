# shellcheck shell=sh
# The commands of eql on the kernel's driver, with a PPP and a SLIP line as slaves: traffic over
# both, what the driver counts and says, changes, and everything that is refused. After ppp.sh.
# What the driver itself says is asked with perl.

# `driver MASTER`: its limits. `driver MASTER SLAVE`: the slave's priority, or nothing.
driver() {
  perl -e '
    my ($master, $slave) = @ARGV;
    socket(S, 2, 2, 0) or die "socket: $!";
    my $data = defined $slave ? pack("a16 q", $slave, 0) : "\0" x 24;
    my $request = pack("a16 P x16", $master, $data);
    ioctl(S, defined $slave ? 0x89f2 : 0x89f4, $request) or exit 1;
    print join(" ", unpack(defined $slave ? "x16 q" : "x16 i i", $data)), "\n";
  ' "$@"
}
says_driver() {
  wanted=$1
  shift
  [ "$(driver "$@")" = "$wanted" ]
}

# What may not change with a command that is refused: flags, limits, priorities.
state() {
  cat /sys/class/net/*/flags
  perl -e '
    socket(S, 2, 2, 0) or die "socket: $!";
    opendir(D, "/sys/class/net") or die;
    for my $slave (sort readdir D) {
      my $data = pack("a16 q", $slave, 0);
      ioctl(S, 0x89f2, my $request = pack("a16 P x16", "eql", $data)) or next;
      print "$slave ", unpack("x16 q", $data), "\n";
    }
    my $data = "\0" x 24;
    ioctl(S, 0x89f4, my $request = pack("a16 P x16", "eql", $data));
    print unpack("x16 H*", $data), "\n";
  '
}

# `refused CODE TEXT COMMAND...`: it ends so, says so, prints nothing, and changes nothing.
refused() {
  code=$1 text=$2
  shift 2
  was=$(state)
  "$@" >/tmp/printed 2>/tmp/said
  status=$?
  { echo "$* -> $status"; cat /tmp/said; } >>/out/refusals.log
  if [ "$status" = "$code" ] && grep -qF -e "$text" /tmp/said && ! [ -s /tmp/printed ] &&
    [ "$(state)" = "$was" ]; then
    echo "ok refused: $text"
  else
    echo "FAILED refused: $text: $* -> $status: $(cat /tmp/printed /tmp/said)"
  fi
}

# `quiet NAME COMMAND...`: it does it, and says nothing.
quiet() {
  what=$1
  shift
  if said=$("$@" 2>&1) && [ -z "$said" ]; then echo "ok $what"; else echo "FAILED $what: $said"; fi
}

slaves() { eql_status --json "$1" | tr ',{' '\n' | sed -n 's/^"name":"\(.*\)"$/\1/p' | sort | xargs; }
has_slaves() { [ "$(slaves eql)" = "$1" ]; }
sent() { cat "/sys/class/net/$1/statistics/tx_packets"; }

echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
# As an ordinary user.
user() { perl -e '$( = $) = "65534 65534"; $< = $> = 65534; exec @ARGV or die' "$@"; }

# `slip TTY`: the line discipline of SLIP, as slattach gives it.
slip() {
  perl -e '
    open(T, "+<", $ARGV[0]) or die "$ARGV[0]: $!";
    ioctl(T, 0x5423, my $slip = pack("i", 1)) or die "TIOCSETD: $!";
    sleep 100000;
  ' "$1" 2>>/out/slip.log &
}

# --- the lines
namespace far
joined /dev/line0 /dev/line1
joined /dev/line2 /dev/line3
# The driver is in the first namespace only: these ends stay there.
pppd /dev/line0 nodetach local nocrtscts noauth noccp novj 10.0.0.1:10.0.0.2 unit 0 >/out/near.log 2>&1 &
pppd_at far /dev/line1 noauth novj unit 0
slip /dev/line2
check "SLIP line" await 10 test -e /sys/class/net/sl0
slip /dev/line3
check "SLIP line, far end" await 10 test -e /sys/class/net/sl1
ip link set sl1 netns "$(cat /run/ns.far)"
at far ip link set sl1 mtu 1500 up
at far ip addr add 10.0.0.2 peer 10.0.0.1 dev sl1
check "PPP line" await 40 has_address far ppp0 10.0.0.2
await 10 test -e /sys/class/net/ppp0
ip route del 10.0.0.2 dev ppp0

# --- refused before anything is right
refused 1 "eql is not up and running" eql_enslave eql ppp0 28800
ip link set eql mtu 1500 up
ip addr add 10.0.0.1 dev eql
refused 1 "sl0 is not up and running" eql_enslave eql sl0 14400
ip link set sl0 mtu 296 up
refused 1 "master eql (1500) and slave sl0 (296) differ in their MTU" eql_enslave eql sl0 14400
ip link set sl0 mtu 1500
refused 3 "nosuch0: there is no such interface: load" eql_enslave nosuch0 ppp0 28800
refused 3 "nosuch0: there is no such interface" eql_enslave eql nosuch0 28800
refused 3 "lo is no master" eql_enslave lo ppp0 28800
refused 3 "ppp0 is no master" eql_enslave ppp0 sl0 28800
refused 1 "eql can't be its own slave" eql_enslave eql eql 28800
refused 1 "bond0 is a master itself" eql_enslave eql bond0 28800
ip link set lo mtu 1500
refused 1 "its packets would come back to eql: it is a loopback" eql_enslave eql lo 28800
ip link set lo mtu 65536
for n in 0 1 2 3 4; do ip link add "d$n" type dummy; done
echo +d4 >/sys/class/net/bond0/bonding/slaves
refused 1 "d4 is a slave of bond0 already" eql_enslave eql d4 28800
ip link add v0 type veth peer name v1
ip link set v0 up
# The kernel takes its time to see that the other end is down.
await 10 grep -q lowerlayerdown /sys/class/net/v0/operstate
refused 1 "v0 is not up and running" eql_enslave eql v0 28800
ip tunnel add t0 mode ipip remote 10.0.0.2 local 10.0.0.1
ip link set t0 mtu 1500 up
ip route add 10.0.0.2 dev eql
refused 1 "t0 is a tunnel to 10.0.0.2, which is reached through eql" eql_enslave eql t0 28800
ip route del 10.0.0.2 dev eql
refused 2 "0 bit/s is no rate of a line" eql_enslave eql ppp0 0
refused 2 "'-28800' is no rate of a line" eql_enslave eql ppp0 -28800
refused 2 "'fast' is no rate of a line" eql_enslave eql ppp0 fast
refused 2 "10000000001 bit/s is no rate of a line" eql_enslave eql ppp0 10000000001
refused 2 "'99999999999999999999' is no rate of a line" eql_enslave eql ppp0 99999999999999999999
refused 2 "7 bit/s is less than an octet a second" eql_enslave eql ppp0 7
refused 2 "auto is for masters of eqld" eql_enslave eql ppp0 auto
refused 2 "--sticky is for masters of eqld" eql_enslave --sticky eql ppp0 28800
refused 2 "--via is for masters of eqld" eql_enslave --via 10.0.0.2 eql ppp0 28800
refused 2 "'sixteen-octets-x' is no name" eql_enslave eql sixteen-octets-x 28800
refused 2 "'sixteen-octets-x' is no name" eql_enslave sixteen-octets-x ppp0 28800
refused 2 "'' is no name" eql_enslave eql '' 28800
refused 2 "eql_enslave" eql_enslave eql ppp0
refused 2 "eql_enslave" eql_enslave eql ppp0 28800 14400
refused 1 "eql: not permitted; root or CAP_NET_ADMIN is needed" user eql_enslave eql ppp0 28800
refused 3 "ppp0 is no slave of eql" eql_emancipate eql ppp0
refused 3 "ppp0 is no slave of eql" eql_tune eql ppp0 14400
check "no slaves yet" has_slaves ""

# --- a master in user space beside it
quiet "an eqld" eqld user --mtu 1500
ip link set user up
ip link set d3 mtu 1500 up
quiet "a slave of the eqld" eql_enslave --sticky --via 192.0.2.1 user d3 1M
refused 1 "d3 is a slave of user already" eql_enslave eql d3 1M
refused 1 "user is a master itself" eql_enslave eql user 1M
refused 1 "eql is a master itself" eql_enslave user eql 1M
quiet "released by the eqld" eql_emancipate user d3
quiet "and taken by the driver" eql_enslave eql d3 1M
refused 1 "d3 is a slave of eql already" eql_enslave --sticky --via 192.0.2.1 user d3 1M
check "both masters are shown" test "$(eql_status | grep -c -e '^eql: kernel driver' -e '^user: eqld (process')" = 2
quiet "and released" eql_emancipate eql d3
kill "$(cat /run/wanbox/eqld-user.pid)"
check "the eqld ends" await 20 test ! -e /sys/class/net/user

# --- two slaves, and traffic
quiet "enslave ppp0" eql_enslave eql ppp0 28800
quiet "enslave sl0" eql_enslave eql sl0 14.4k
check "priority of ppp0, by the driver" says_driver 28800 eql ppp0
check "priority of sl0, by the driver" says_driver 14400 eql sl0
check "limits, by the driver" says_driver "4 1" eql
check "both are listed" has_slaves "ppp0 sl0"
refused 1 "ppp0 is a slave of eql already" eql_enslave eql ppp0 28800
refused 1 "ppp0 is a slave of eql already" user eql_enslave eql ppp0 28800
ip route add 10.0.0.2 dev eql
ping -c 20 -i 0.2 -s 1000 -W 5 10.0.0.2 >/out/ping.log
check "no packet is lost" grep -q "20 packets received, 0% packet loss" /out/ping.log
for name in eql ppp0 sl0; do
  for counter in tx_packets tx_bytes tx_dropped; do
    echo "$name $counter $(cat /sys/class/net/$name/statistics/$counter)"
  done
done >/out/counters
eql_status --json eql >/out/status.json
eql_status --json >/out/all.json
eql_status >/out/status.txt
user eql_status --json eql >/out/user.json
check "anybody may look" cmp /out/status.json /out/user.json

echo 1 >/run/ns.near
head -c 300000 /dev/urandom >/tmp/file
first=$(sent ppp0) other=$(sent sl0)
check "a TCP transfer is intact" transfer near far 10.0.0.2 /tmp/file
check "over both" test $(($(sent ppp0) - first)) -gt 50 -a $(($(sent sl0) - other)) -gt 50

# --- changes
quiet "tune ppp0" eql_tune eql ppp0 57600
check "its new priority, by the driver" says_driver 57600 eql ppp0
eql_tune --json eql sl0 9600 >/out/tuned.json
check "with the state afterwards" grep -q '"name":"sl0","state":"up","rate":{"fixed":9600}' /out/tuned.json
check "by the driver" says_driver 9600 eql sl0
refused 2 "the rate of the slave is missing" eql_tune eql ppp0
refused 2 "nothing to change" eql_tune eql
refused 2 "changed one at a time" eql_tune eql ppp0 9600 --max-slaves 3
refused 2 "too many words: 'more'" eql_tune eql ppp0 9600 more
refused 2 "0 bit/s is no rate of a line" eql_tune eql ppp0 0
refused 2 "auto is for masters of eqld" eql_tune eql ppp0 auto
refused 3 "nosuch0: there is no such interface" eql_tune eql nosuch0 9600
refused 2 "a limit of 0 slaves: 1 to 64 is expected" eql_tune eql --max-slaves 0
refused 2 "a limit of 65 slaves: 1 to 64 is expected" eql_tune eql --max-slaves 65
refused 2 "at least 5 slaves and at most 4 can't both be" eql_tune eql --min-slaves 5
refused 2 "--max-slaves" eql_tune eql --max-slaves many
refused 1 "not permitted" user eql_tune eql --max-slaves 3
refused 1 "not permitted" user eql_tune eql ppp0 9600
refused 1 "not permitted" user eql_emancipate eql ppp0

# --- limits
for n in 0 1 2; do ip link set "d$n" mtu 1500 up; done
quiet "two slaves at most" eql_tune eql --max-slaves 2
check "by the driver" says_driver "2 1" eql
refused 1 "eql has its 2 slaves: release one" eql_enslave eql d0 1M
quiet "three at most, one at least" eql_tune eql --max-slaves 3 --min-slaves 2
check "by the driver" says_driver "3 2" eql
quiet "a third" eql_enslave eql d0 1M
refused 1 "eql has its 3 slaves" eql_enslave eql d1 1M
quiet "a limit below the number of slaves" eql_tune eql --max-slaves 1 --min-slaves 1
check "releases none" has_slaves "d0 ppp0 sl0"
refused 1 "eql has its 1 slaves" eql_enslave eql d1 1M
quiet "four again" eql_tune eql --max-slaves 4

# --- released
quiet "emancipate d0" eql_emancipate eql d0
check "two are left" has_slaves "ppp0 sl0"
check "d0 is up still" grep -q -e up -e unknown /sys/class/net/d0/operstate
refused 3 "d0 is no slave of eql" eql_emancipate eql d0
refused 3 "nosuch0: there is no such interface" eql_emancipate eql nosuch0
refused 3 "nosuch0: there is no such interface" eql_emancipate nosuch0 ppp0
eql_emancipate --json eql sl0 >/out/released.json
check "one is left" has_slaves "ppp0"
first=$(sent ppp0) other=$(sent sl0)
check "and carries all" ping -c 5 -i 0.2 -s 1000 -W 5 10.0.0.2
check "alone" test $(($(sent ppp0) - first)) -ge 5 -a "$(sent sl0)" = "$other"
quiet "enslave sl0 again" eql_enslave eql sl0 14400
ip link set sl0 down
check "one that goes down is buried" await 5 has_slaves "ppp0"
check "and no slave by the driver" test -z "$(driver eql sl0)"
ip link set sl0 up
quiet "and may be enslaved again" eql_enslave eql sl0 14400

# --- the master goes down
ip link set eql down
check "its slaves are released" has_slaves ""
ip link set eql up
check "its limits are the driver's own again" says_driver "4 1" eql
rmmod eql
refused 3 "eql: there is no such interface: load the kernel's driver (modprobe eql), or start" eql_enslave eql ppp0 28800
refused 3 "eql: there is no such interface" eql_status eql
refused 3 "there is no master: load" eql_status
refused 3 "there is no master: load" eql_status --json
