# shellcheck shell=sh
# wanpiped on the machine's own serial port, which its console is on as well. The port is looped
# through its modem control register: what is sent comes back.

mkdir -p /etc/wanpipe
echo WAN_DEVICES=wanpipe1 >/etc/wanpipe/wanrouter.rc
# `port BITS KEYS`: a device with so many bits a character and these keys.
port() {
  bits=$1
  shift
  printf '%s\n' '[devices]' 'wanpipe1 = WAN_CHDLC' '[interfaces]' 'a = wanpipe1,,API' \
    '[wanpipe1]' 'LINE = tty:/dev/ttyS0' 'INTERFACE = RS232' 'CLOCKING = INTERNAL' \
    'BAUDRATE = 115200' '[a]' 'ASYNC_MODE = YES' 'INTER_CHAR_TIMER = 300' \
    "TX_BITS_PER_CHAR = $bits" "RX_BITS_PER_CHAR = $bits" "$@" >/etc/wanpipe/wanpipe1.conf
  wanrouter start wanpipe1 >/tmp/start 2>&1 || cat /tmp/start
  # Loop, OUT2, RTS and DTR.
  printf '\033' | dd of=/dev/port bs=1 seek=1020 conv=notrunc 2>/dev/null
}

# `message FLAGS LENGTH`: the header of a message with tag 7; both are octal.
message() {
  printf '\001\001%b\000\000\000%b\000\000\000\007' "$1" "\\0$2"
  printf '\000\000\000\000\000\000\000\000\000\000\000\000'
}

# Sends standard input as one message, and shows what comes back.
exchange() {
  cat >/tmp/message
  { cat /tmp/message; sleep 2; } |
    socat - UNIX-CONNECT:/run/wanbox/api/a,type=5 | od -An -v -tx1 | tr -d ' \n'
  echo
}

port 8
echo "octets $({ message '\000\000' 05; printf 'a\377\000\021z'; } | exchange)"
echo "break $({ message '\001\020' 02; printf 'ok'; } | exchange)"
echo "alone $(message '\001\020' 00 | exchange)"
wanconfig card wanpipe1 counters >/out/counters
wanrouter stop wanpipe1 >/dev/null

port 7 'PARITY = EVEN' 'STOP_BITS = TWO' 'RTS_HS_FOR_RECEIVE = YES' 'CTS_HS_FOR_TRANSMIT = YES'
echo "seven $({ message '\000\000' 04; printf 'q\000\177z'; } | exchange)"
wanrouter status wanpipe1 >/out/status
wanrouter stop wanpipe1 >/dev/null
