# shellcheck shell=sh
# Words for the kernel's X.25 sockets, which it has in the first namespace alone. It makes a LAPB
# device, lapb0 and so on, for each Ethernet there that comes up. After ppp.sh.

# `x25 WORDS`: a command of the sockets, see tests/x25.
x25() { e2e kernel-x25 "$@"; }

# `x25_start NAME WORDS`: in the background; what it says is in /out/NAME.log.
x25_start() {
  log=/out/$1.log
  pid=/run/$1.pid
  shift
  e2e kernel-x25 "$@" >>"$log" 2>&1 &
  echo $! >"$pid"
}

# `x25_run NAME WORDS`: to its end.
x25_run() {
  log=/out/$1.log
  shift
  e2e kernel-x25 "$@" >>"$log" 2>&1
}

# `told NAME TEXT`: it says so within a minute.
told() { await 60 grep -qF -e "$2" "/out/$1.log"; }

# `ended NAME`: it ended, and well.
ended() { wait "$(cat "/run/$1.pid")"; }
