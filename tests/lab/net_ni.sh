# shellcheck shell=sh
# `attach ni` at an interface that was made for a user who may do nothing else. After ppp.sh.

user=65534
# Those of the host, whose names the shell has for its own.
for file in /usr/bin /bin /usr/sbin /sbin; do
  [ ! -x "$file/setpriv" ] || setpriv=$file/setpriv
  [ ! -x "$file/ip" ] || [ -L "$file/ip" ] || ip=$file/ip
done
# As udev leaves it.
chmod 0666 /dev/net/tun
"$ip" tuntap add ni0 mode tun user "$user"
ip link set ni0 mtu 1500 up
ip addr add 44.128.4.5 peer 44.128.4.4 dev ni0
ip route add 44.128.4.0/24 dev ni0

export WANBOX_ROOT=/tmp/station
mkdir -p "$WANBOX_ROOT"
cat >"$WANBOX_ROOT/net.rc" <<'END'
ip address 44.128.4.4
attach ni ni0 44.128.4.5 255.255.255.0
route add 44.128.4.5 ni0
END
chown -R "$user:$user" "$WANBOX_ROOT"
# `as_user COMMAND...`
as_user() {
  "$setpriv" --reuid="$user" --regid="$user" --clear-groups --inh-caps=-all --no-new-privs "$@"
}
said() { as_user wanbox net -e "$2" 2>&1 | tee -a /out/station.log | grep -qF -e "$1"; }

check "the station runs" as_user wanbox net -d "$WANBOX_ROOT/net.rc"
check "pings of the host" ping -c 3 -W 10 44.128.4.4
check "the station's ping" said 'echo reply' "ping 44.128.4.5 1000"
check "it ran without privileges" grep -q '^CapEff:.0*$' "/proc/$(pidof wanbox | cut -d ' ' -f 1)/status"
check "what is not prepared is refused" said 'ot permitted' "attach ni ni1 44.128.5.5"
as_user wanbox net -e exit
