# shellcheck shell=sh
# The kernel's SLIP, with and without compressed headers, as slattach sets it, and a station at the other end of
# the line. After ppp.sh.

# `station FILE`: in the background, in a network namespace of its own.
namespace ours
start_station() {
  at ours wanbox net -d "$1" >>/out/station.log 2>&1
}
say() { at ours wanbox net -e "$1" 2>&1 | tee -a /out/station.log; }
# `said TEXT COMMAND`: the station's answer has it.
said() { say "$2" | grep -qF -e "$1"; }

head -c 20000 /dev/urandom >/tmp/file
# `echoed`: a file comes back from the station's echo server.
echoed() {
  socat -T 20 - TCP:44.128.4.4:7 </tmp/file >/tmp/back
  cmp /tmp/file /tmp/back
}

line=0
for kind in slip cslip; do
  case $kind in
  slip) mode=slip ;;
  cslip) mode=vjslip ;;
  esac
  far=/dev/far$line near=/dev/near$line
  joined "$far" "$near"
  slattach -L -p "$kind" -s 38400 "$far" >>/out/slattach.log 2>&1 &
  await 10 test -e "/sys/class/net/sl$line" || exit 1
  ip addr add 44.128.4.5 peer 44.128.4.4 dev "sl$line"
  ip link set "sl$line" mtu 576 up
  cat >/tmp/net.rc <<END
hostname lab
ip address 44.128.4.4
attach asy 0 0 $mode near$line 0 576 38400
route add 44.128.4.5 near$line
tcp window 4096
start echo
END
  start_station /tmp/net.rc
  check "$kind: the station runs" said '[UP]' "asystat near$line"
  for size in 56 548 549 4000; do
    check "$kind: the kernel's pings of $size octets" ping -c 3 -W 10 -s "$size" 44.128.4.4
  done
  for size in 100 3000; do
    check "$kind: the station's ping of $size octets" said 'echo reply' "ping 44.128.4.5 $size"
  done
  check "$kind: a file comes back" echoed
  say "ifconfig near$line" >/out/ifconfig.$kind
  say "asystat near$line"
  at ours wanbox net -e exit
  ip link set "sl$line" down
  line=$((line + 1))
done
