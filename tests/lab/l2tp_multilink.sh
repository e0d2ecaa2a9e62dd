# shellcheck shell=sh
# pppd's multilink over two calls of xl2tpd. After ppp.sh and l2tp.sh.

nets
lns ''
echo "* * $SECRET" >/tmp/l2tp-secrets
chmod 600 /tmp/l2tp-secrets
mkdir -p /run/xl2tpd
# Each from a port of its own: the kernel tells its tunnels apart by addresses and ports.
port=1701
for name in one two; do
  printf '%s\n' '[global]' "port = $port" 'auth file = /tmp/l2tp-secrets' "[lac $name]" \
    "lns = $SERVER" 'name = caller' 'challenge = yes' 'length bit = yes' \
    "pppoptfile = /tmp/options.$name" >"/tmp/xl2tpd.$name.conf"
  start lac xl2tpd -D -c "/tmp/xl2tpd.$name.conf" -s /tmp/l2tp-secrets -p "/run/xl2tpd/$name.pid" \
    -C "/run/xl2tpd/$name.control"
  await 10 test -p "/run/xl2tpd/$name.control"
  port=1702
done

# `link NAME OPTION...`: has xl2tpd make that call of joe, with these options of pppd beside those
# that all links have.
link() {
  name=$1
  shift
  printf '%s\n' 'user joe' 'password "open sesame"' noauth noccp novj ipcp-accept-local \
    ipcp-accept-remote defaultroute nodetach debug 'lcp-restart 1' 'ipcp-restart 1' \
    "logfile /out/pppd.$name.log" multilink 'mrru 1614' 'endpoint local:02.47.11' "$@" \
    >"/tmp/options.$name"
  cat "/out/pppd.$name.log" >>/out/earlier.log 2>/dev/null
  : >"/out/pppd.$name.log"
  echo "c $name" >"/run/xl2tpd/$name.control"
}

# `hang_up NAME`: the far end ends that call.
hang_up() { echo "d $1" >"/run/xl2tpd/$1.control"; }

# `pppd_says NAME TEXT`
pppd_says() { grep -qF -e "$2" "/out/pppd.$1.log"; }

# `links NUMBER`: whether joe has so many sessions, all of them in one bundle with one address.
links() {
  cli 'show session' | awk '/ joe / { print $1, $5 }' >/tmp/sessions
  [ "$(wc -l </tmp/sessions)" = "$1" ] || return 1
  [ "$(awk '{ print $2 }' /tmp/sessions | sort -u | wc -l)" = 1 ] || return 1
  while read -r session _; do
    cli "show session $session" >/tmp/shown
    found=$(sed -n 's/.*Bundle:.*(links \([0-9 ]*\),.*/\1/p' /tmp/shown | wc -w)
    [ "$found" = "$1" ] || return 1
  done </tmp/sessions
}

# `both OPTION...`: both links come up, the second in the bundle of the first.
both() {
  link one "$@"
  await 30 online 10.9.0. || return 1
  link two "$@"
  await 30 pppd_says two 'Link attached to ppp0' && links 2
}

joes_address() { at lac ip addr show ppp0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p'; }

# `pings`: of all kinds of sizes, those that IP cuts too.
pings() {
  for size in 1 56 200 240 500 1000 1434 1472 3000 8000; do
    at lac ping -c 2 -W 5 -i 0.2 -s "$size" "$SITE" || return 1
    at site ping -c 2 -W 5 -i 0.2 -s "$size" "$address" || return 1
  done
}

both_ways() { transfer lac site "$SITE" "$1" && transfer site lac "$address" "$1"; }

# Whether every link carried so much each way.
all_carried() {
  while read -r session _; do
    cli "show session $session" | sed -n 's,.*Bytes In/Out:[^0-9]*\([0-9]*\)/\([0-9]*\),\1 \2,p' >/tmp/octets
    read -r down up </tmp/octets
    echo "session $session: $down to joe, $up from joe"
    [ "$down" -gt "$1" ] && [ "$up" -gt "$1" ] || return 1
  done </tmp/sessions
}

# `pppd_of NAME`: the number of that call's pppd.
pppd_of() {
  for process in /proc/[0-9]*; do
    if grep -q "options[.]$1" "$process/cmdline" 2>/dev/null; then echo "${process#/proc/}"; fi
  done
}

# Until then the kernel sends parts into a call that is gone.
without_pppd() { [ -z "$(pppd_of "$1")" ]; }

# `during NAME FROM TO ADDRESS`: a transfer goes on while that link ends.
during() {
  transfer "$2" "$3" "$4" /tmp/small &
  transferring=$!
  sleep 2
  hang_up "$1"
  wait "$transferring" && await 20 links 1 && await 20 without_pppd "$1"
}

# The second link is called for again.
again() {
  link two
  await 30 pppd_says two 'Link attached to ppp0' && links 2
}

# The first link leaves by LCP. (Were its call ended, its pppd, which has the interface, would take
# all links with it.)
goodbye() {
  transfer lac site "$SITE" /tmp/small &
  transferring=$!
  sleep 2
  kill -HUP "$(pppd_of one)"
  await 10 pppd_says one 'rcvd [LCP TermAck' && wait "$transferring"
}

nobody() { ! shown joe; }

head -c 8000000 /dev/urandom >/tmp/file
head -c 2000000 /dev/urandom >/tmp/small
check 'long: both links are one bundle' both
address=$(joes_address)
check 'long: there is one interface' at lac sh -c '! ip link show ppp1'
check 'long: packets of all sizes' pings
check 'long: 8 MB each way' both_ways /tmp/file
check 'long: both links carried it' all_carried 2000000
check 'long: the second ends during a transfer' during two lac site "$SITE"
check 'long: packets of all sizes over one link' pings
check 'long: it comes back' again
check 'long: the second ends during a transfer the other way' during two site lac "$address"
check 'long: it comes back once more' again
check 'long: the first says goodbye during a transfer' goodbye
check 'long: the address stayed' at lac sh -c "ip addr show ppp0 | grep -q 'inet $address'"
check 'long: packets of all sizes over the other link' pings
check 'long: the user is dropped' cli 'drop user joe'
check 'long: with all links' await 20 nobody
check 'long: and the interface' await 20 no_ppp0

check 'short: both links are one bundle' both mpshortseq
address=$(joes_address)
check 'short: agreed' pppd_says two '<ssnhf>'
check 'short: packets of all sizes' pings
check 'short: 8 MB each way' both_ways /tmp/file
check 'short: both links carried it' all_carried 2000000
hang_up one
hang_up two
check 'the bundle ends with its last link' await 20 nobody
cli 'show counters' >>/out/checks.log
