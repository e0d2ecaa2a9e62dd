# shellcheck shell=sh
# Words for scripts in the lab that have stations of the kernel's AX.25 and one of ours. After ppp.sh.

mkdir -p /etc/ax25 /var/lock /var/run
cat >/etc/ax25/axports <<'END'
one N0AAA 38400 256 4 first
two N0BBB 38400 256 4 second
three N0CCC 38400 256 4 third
END

namespace ours
# `start_station FILE`: in the background, in a network namespace of its own.
start_station() {
  at ours wanbox net -d "$1" >>/out/station.log 2>&1
}
say() { at ours wanbox net -e "$1" 2>&1 | tee -a /out/station.log; }
# `said TEXT COMMAND`: the station's answer has it.
said() { say "$2" | grep -qF -e "$1"; }

# `kernel NUMBER PORT TTY`: a line of the kernel.
kernel() {
  kissattach "$3" "$2" >>/out/kernel.log 2>&1
  await 10 test -e "/proc/sys/net/ax25/ax$1" || return 1
  ip link set "ax$1" mtu 256 up
  # What is acknowledged after 3 s would be all that is tested.
  echo 100 >"/proc/sys/net/ax25/ax$1/t2_timeout"
}
# `tnc NUMBER PORT`: /dev/nearNUMBER of the station is joined with axNUMBER of the kernel.
tnc() {
  joined "/dev/far$1" "/dev/near$1"
  kernel "$1" "$2" "/dev/far$1"
}
# `plain PORT`: the kernel tries no checksums there.
plain() { kissparms -p "$1" -c 1 >>/out/kernel.log 2>&1; }

head -c 100000 /dev/urandom >/tmp/file
# `echoed`: a file of 100 kB comes back from the station's echo server.
echoed() {
  socat -T 60 - TCP:44.128.4.4:7 </tmp/file >/tmp/back
  cmp /tmp/file /tmp/back
}
