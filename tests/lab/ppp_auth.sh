# shellcheck shell=sh
# Authentication between wanpiped and pppd, in both roles, with right and with wrong secrets.
# After ppp.sh.

printf '%s\n' 'alice srv "open sesame" *' 'branch * brown *' >/etc/ppp/pap-secrets
cp /etc/ppp/pap-secrets /etc/ppp/chap-secrets
chmod 600 /etc/ppp/*-secrets
namespace ours peer
network ours peer

# `ours NAME KEYS`: our end, with these keys, captured.
ours() {
  anew ours peer
  router ours "$(line 0)" "$TIMERS
$2" '' "$ADDRESSES"
  wan ours wanrouter start >>/out/ours.log 2>&1
  line_ready 0
  wan ours wanconfig card wanpipe1 capture "/out/$1.pcap" >>/out/ours.log
}

both_up() {
  await 20 has_address peer ppp0 10.0.0.2 && at ours ping -c 2 -W 5 10.0.0.2
}

carries_nothing() { ! at ours ping -c 1 -W 1 10.0.0.2 && ! has_address peer ppp0 10.0.0.2; }

for way in PAP CHAP MSCHAPV2; do
  case "$way" in
  PAP) option=pap refused='PAP authentication failed' ;;
  CHAP) option=chap refused='CHAP authentication failed' ;;
  MSCHAPV2) option=mschap-v2 refused='CHAP authentication failed' ;;
  esac

  # wanpiped asks, pppd proves.
  ours "$way-asks" "AUTHENTICATOR = YES
$way = YES
SYSNAME = srv
USERID = bob / alice
PASSWD = builder / open sesame"
  pppd_on 0 noauth user alice remotename srv
  check "$way: pppd proves who it is" both_up
  stop peer
  pppd_on 0 noauth user alice remotename srv password wrong
  check "$way: pppd with a wrong secret is refused" ends_with 19 peer
  check "$way: pppd is told so" says peer "$refused"
  check "$way: no packet passes for it" carries_nothing
  pppd_on 0 noauth user mallory password 'open sesame'
  check "$way: an unknown name is refused" ends_with 19 peer
  pppd_on 0 noauth user alice remotename srv
  check "$way: after that pppd proves who it is" both_up
  stop peer
  wan_stop ours

  # pppd asks, wanpiped proves.
  ours "$way-proves" "$way = YES
USERID = branch
PASSWD = brown"
  pppd_on 0 "require-$option" name office
  check "$way: wanpiped proves who it is" both_up
  stop peer
  wan_stop ours
  ours "$way-fails" "$way = YES
USERID = branch
PASSWD = black"
  pppd_on 0 "require-$option" name office
  check "$way: wanpiped with a wrong secret is refused" ends_with 11 peer
  check "$way: no packet passes for wanpiped" carries_nothing
  wan_stop ours
  ours "$way-lacks" ''
  pppd_on 0 "require-$option" name office
  check "$way: wanpiped without a secret is refused" ends_with 11 peer
  wan_stop ours
done
