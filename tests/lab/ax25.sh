# shellcheck shell=sh
# The kernel's AX.25 over mkiss, as kissattach sets it, and a station at the other end of the line: datagrams over
# UI and I frames, checksums of KISS, modulo 128. After radio.sh.

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
  plain "$port"
  axparms --route add "$port" DB0ZZZ --ipmode "$ip" >>/out/kernel.log 2>&1
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
