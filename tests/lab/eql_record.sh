# shellcheck shell=sh
# What the kernel's eql driver does with packets of many lengths: which slave gets each, and when
# its timer runs between them, as the kernel's own tracing tells, in one order and without a
# watch. In /out are `unequal` and `equal`, a line an event:
#
#   enslave NAME BPS, tune NAME BPS, emancipate NAME, down NAME: before it is done
#   send OCTETS NAME: a packet of that length of IP, and the slave; `-' if there was none
#   tick: the driver's timer
#
# A line `ambiguous' would say that the timer ran while a rate was being changed.

tracing=/sys/kernel/tracing
mount -t tracefs tracefs $tracing || exit 1
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
for slave in one two three; do
  ip link add "$slave" type dummy
  ip link set "$slave" mtu 1500 up
done

timer=$(awk '$3 == "eql_timer" { print "0x" $1 }' /proc/kallsyms)
mkdir $tracing/instances/ticks
for trace in $tracing $tracing/instances/ticks; do
  echo "function == $timer" >"$trace/events/timer/timer_expire_entry/filter"
  echo 1 >"$trace/events/timer/timer_expire_entry/enable"
done
echo 1 >$tracing/events/net/net_dev_queue/enable
echo 16384 >$tracing/buffer_size_kb

mark() { echo "eql: $*" >$tracing/trace_marker; }
# Returns when the timer has just run.
after_tick() {
  echo >$tracing/instances/ticks/trace
  head -n 1 $tracing/instances/ticks/trace_pipe >/dev/null
}
enslave() {
  mark "enslave $1 $2"
  eql_enslave eql "$1" "$2" || exit 1
}
tune() {
  after_tick
  mark "tuning $1 $2"
  eql_tune eql "$1" "$2" || exit 1
  mark "tune $1 $2"
}
emancipate() {
  mark "emancipate $1"
  eql_emancipate eql "$1" || exit 1
}
down() {
  mark "down $1"
  ip link set "$1" down
}

# `send SEED COUNT PAUSE`: UDP packets of all lengths, with pauses of up to so many seconds.
send() {
  perl -e '
    my ($seed, $count, $pause) = @ARGV;
    socket(S, 2, 2, 0) or die "socket: $!";
    connect(S, pack("S n C4 x8", 2, 9, 10, 0, 0, 2)) or die "connect: $!";
    srand($seed);
    for (1 .. $count) {
      # What is refused for want of a slave is dropped, and no error.
      defined send(S, "x" x (rand() < 0.3 ? int rand 100 : int rand 1473), 0) or die "send: $!";
      select(undef, undef, undef, rand $pause);
    }
  ' "$@" || exit 1
}

# Ends a sequence, and begins the next: one line of the trace an event.
ended() {
  echo 0 >$tracing/tracing_on
  awk '
    BEGIN { waiting = 0 }
    function sent(slave) { print "send", waiting, slave; waiting = 0 }
    { match($0, /: [a-z_]+: /); event = substr($0, RSTART + 2, RLENGTH - 4); rest = substr($0, RSTART + RLENGTH) }
    event == "net_dev_queue" {
      split(rest, word, " "); sub(/dev=/, "", word[1]); sub(/len=/, "", word[3])
      if (word[1] == "eql") {
        if (waiting) sent("-")
        waiting = word[3]; buffer = word[2]
      } else if (waiting && buffer == word[2] && waiting == word[3]) sent(word[1])
    }
    event == "timer_expire_entry" { print (tuning ? "ambiguous" : "tick") }
    event == "tracing_mark_write" && sub(/^eql: /, "", rest) {
      if (waiting) sent("-")
      tuning = rest ~ /^tuning /
      if (!tuning) print rest
    }
    END { if (waiting) sent("-") }
  ' $tracing/trace >"/out/$1"
  ip link set eql down
  for slave in one two three; do ip link set "$slave" up; done
  echo >$tracing/trace
}
begun() {
  ip link set eql mtu 1500 up
  ip addr add 10.0.0.1 dev eql 2>/dev/null
  ip route add 10.0.0.2 dev eql
  echo 1 >$tracing/tracing_on
}

uname -r >/out/release
echo 0 >$tracing/tracing_on
begun
send 1 5 0.01
enslave one 28800
send 2 20 0.01
enslave two 14400
send 3 250 0.02
enslave three 57600
send 4 250 0.02
tune one 9600
send 5 150 0.02
emancipate two
send 6 100 0.02
enslave two 1000000
send 7 150 0.02
down three
send 8 100 0.02
tune two 300
send 9 100 0.02
emancipate one
down two
send 10 5 0.01
ended unequal

begun
for slave in one two three; do enslave "$slave" 19200; done
send 11 400 0.01
# Long enough for all queues to be drained.
tune two 9600000
send 12 100 0.05
tune two 19200
send 13 200 0.01
down two
send 14 100 0.01
ended equal
