# shellcheck shell=sh
# The kernel's X.25 with itself, over a pair of Ethernets: what the other scripts compare with.
# After ppp.sh and x25.sh.

ip link add type veth
for device in veth0 veth1 lapb0 lapb1; do ip link set "$device" up; done
check "calls to 10 leave through lapb0" x25 route add 10 lapb0

x25_start answer listen 1002 packet=8 window=4 qualifier=yes -- next next next data:0001 next
told answer listening
check "a call" x25_run call call 1002 from=1001 cud=c0ffee packet=8 window=4 qualifier=yes -- \
  data:01abcd interrupt:0077 data:00aa sleep:1 next cause:0,5
ended answer
check "facilities" told call '"packet_in":8,"packet_out":8,"reverse":0,"throughput":0,"window_in":4,'
check "who calls" told answer '"from":"1001"'
check "user data" told answer '"cud":"c0ffee"'
check "a qualified message" told answer '"data":"01abcd","event":"data"'
check "an interrupt" told answer '"data":"0077","event":"interrupt"'
check "an answer" told call '"data":"0001"'
check "why it was cleared" told answer '{"cause":0,"diagnostic":5,"event":"cleared"}'

x25_run nobody call 1003
check "nobody is there" told nobody '"event":"refused"'

head -c 20000 /dev/urandom >/tmp/file
for modulo in 8 128; do
  if [ "$modulo" = 128 ]; then
    x25 subscribe lapb0 extended
    x25 subscribe lapb1 extended
  fi
  x25_start "file$modulo" listen 1004 packet=10 window=7 -- "receive:/tmp/there$modulo:20000"
  told "file$modulo" listening
  x25_run call call 1004 packet=10 window=7 -- send:/tmp/file sleep:20
  check "a file modulo $modulo" cmp /tmp/file "/tmp/there$modulo"
done
