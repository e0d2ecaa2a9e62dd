# shellcheck shell=sh
# The kernel's AX.25 over mkiss, as kissattach sets it, and a station at the other end of the line: datagrams over
# UI and I frames, checksums of KISS, modulo 128. After ppp.sh.

mkdir -p /etc/ax25 /var/lock
cat >/etc/ax25/axports <<'END'
one N0AAA 38400 256 4 first
two N0BBB 38400 256 4 second
three N0CCC 38400 256 4 third
END

# `station FILE`: in the background, in a network namespace of its own.
namespace ours
start_station() {
  at ours wanbox net -d "$1" >>/out/station.log 2>&1
}
say() { at ours wanbox net -e "$1" 2>&1 | tee -a /out/station.log; }
# `said TEXT COMMAND`: the station's answer has it.
said() { say "$2" | grep -qF -e "$1"; }

# `tnc NUMBER PORT ADDRESS`: /dev/nearNUMBER of the station is joined with axNUMBER of the kernel.
tnc() {
  joined "/dev/far$1" "/dev/near$1"
  kissattach "/dev/far$1" "$2" >>/out/kissattach.log 2>&1
  await 10 test -e "/proc/sys/net/ax25/ax$1" || return 1
  ip link set "ax$1" mtu 256 up
  # What is acknowledged after 3 s would be all that is tested.
  echo 100 >"/proc/sys/net/ax25/ax$1/t2_timeout"
}

head -c 100000 /dev/urandom >/tmp/file
# `echoed`: a file of 100 kB comes back from the station's echo server.
echoed() {
  socat -T 60 - TCP:44.128.4.4:7 </tmp/file >/tmp/back
  cmp /tmp/file /tmp/back
}

# `status NAME`: what the station and the kernel know of their connections.
status() {
  say "ax25 status" >"/out/status.$1"
  cat /proc/net/ax25 >>"/out/status.$1"
  say "ifconfig near$line" >"/out/ifconfig.$1"
}

line=0
for kind in ui i modulo_128; do
  case $kind in
  ui) mode=kissui ip=D port=one ;;
  i) mode=kissi ip=V port=two ;;
  modulo_128) mode=kissi ip=V port=three ;;
  esac
  tnc $line "$port" || exit 1
  if [ $kind = modulo_128 ]; then
    echo 1 >/proc/sys/net/ax25/ax$line/ax25_default_mode
  fi
  ip addr add 44.128.4.5 peer 44.128.4.4 dev ax$line
  kissparms -p "$port" -c 1 >>/out/kissattach.log 2>&1
  axparms --route add "$port" DB0ZZZ --ipmode "$ip" >>/out/kissattach.log 2>&1
  cat >/tmp/net.rc <<END
hostname lab
ip address 44.128.4.4
ax25 mycall DB0ZZZ
ax25 t2 100
attach asy 0 0 $mode near$line 0 256 460800
route add 44.128.4.5 near$line
tcp window 4096
tcp mss 216
start echo
END
  start_station /tmp/net.rc
  check "$kind: the station runs" said '[UP]' "asystat near$line"
  for size in 56 228 1000; do
    check "$kind: the kernel's pings of $size octets" ping -c 3 -W 10 -s "$size" 44.128.4.4
  done
  for size in 100 1000; do
    check "$kind: the station's ping of $size octets" said 'echo reply' "ping 44.128.4.5 $size"
  done
  check "$kind: a file comes back" echoed
  status $kind
  at ours wanbox net -e exit
  ip link set ax$line down
  line=$((line + 1))
done
