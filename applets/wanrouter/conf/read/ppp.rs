//! PPP: the link, its channel, and who may be at its ends.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use wanbox_grammar::diagnostic::Diagnostics;

use super::Listed;
use super::values::Values;
use crate::conf::model::*;
use crate::conf::ppp::*;
use crate::conf::settings::device_name;

/// What separates the names, and the secrets, of several peers.
const SEPARATOR: &str = " / ";

/// Reads the link's own keys.
pub fn link(device: &str, values: &Values, diagnostics: &mut Diagnostics) -> PppConf {
    let mtu: u16 = values.number("MTU");
    let number_or = |key: &str, other: u16| match values.given_number(key) {
        Some(number) => u16::try_from(number).unwrap_or(u16::MAX),
        None => other,
    };
    let bundle = bundle(device, values, diagnostics);
    let multilink = values.flag("MULTILINK").then(|| MultilinkConf {
        mrru: number_or("MRRU", mtu.max(1500)),
        short_sequence: values.flag("SHORT_SEQ"),
        min_fragment: values.number("MIN_FRAGMENT"),
        patience: values.time("REASSEMBLY_TIMEOUT"),
    });
    if let (Some(line), Some(_), Some(_)) = (values.line_of("BUNDLE"), &bundle, &multilink) {
        let what = "a device either has a bundle (MULTILINK) or joins one (BUNDLE)";
        diagnostics.error(line, "BUNDLE", what, "one of the two");
    }
    for key in ["MRRU", "SHORT_SEQ", "MIN_FRAGMENT", "REASSEMBLY_TIMEOUT"] {
        if let (Some(line), None) = (values.line_of(key), &multilink) {
            diagnostics.warning(line, key, "without effect: MULTILINK = YES is not given");
        }
    }
    PppConf {
        multi_port: false,
        restart: values.time("RESTARTTIMER"),
        max_configure: values.number("CONFIGURERETRY"),
        max_terminate: values.number("TERMINATERETRY"),
        max_failure: values.number("MAXCONFREJECT"),
        connect_timeout: at_least_a_second("CONNECTTIMEOUT", values, diagnostics),
        hold_down: values.time("HOLD_DOWN"),
        auth_restart: values.time("AUTHRESTART"),
        auth_wait: values.time("AUTHWAIT"),
        auth_retry: values.number("AUTHRETRY"),
        rechallenge: at_least_a_second("RECHALLENGE", values, diagnostics),
        authenticator: values.flag("AUTHENTICATOR"),
        mru: number_or("MRU", mtu),
        magic: values.flag("MAGIC"),
        pfc: values.flag("PFC"),
        acfc: values.flag("ACFC"),
        asyncmap: values.number("ASYNCMAP"),
        echo_interval: echo_interval(values, diagnostics),
        echo_failures: values.number("ECHO_FAILURES"),
        ipcp: values.flag("IPCP").then(|| ipcp(values, diagnostics)),
        ipv6cp: values.flag("IPV6CP"),
        multilink,
        bundle,
        auth: PppAuth::default(),
    }
}

/// Reads the channel of an interface.
pub fn channel(
    listed: &Listed,
    conf: &PppConf,
    link: &Values,
    own: &Values,
    diagnostics: &mut Diagnostics,
) -> PppChannel {
    if !listed.media.is_empty() {
        let what = format!(
            "address '{}' ignored: the link has one channel",
            listed.media
        );
        diagnostics.warning(listed.line, &listed.name, what);
    }
    if listed.usage != Usage::Wanpipe {
        let what = format!("mode {} is not for PPP", listed.usage.word());
        diagnostics.error(listed.line, &listed.name, what, "WANPIPE");
    }
    for key in ["MPPP_PROT", "PROTOCOL"] {
        let Some(line) = own.line_of(key) else {
            continue;
        };
        let protocol = own.text(key).to_ascii_uppercase();
        if !conf.multi_port {
            let what = "ignored: a key of WAN_MULTPPP";
            diagnostics.warning(line, key, what);
        } else if !["MP_PPP", "PPP"].contains(&protocol.as_str()) {
            let what = format!("protocol {protocol} is not driven on a multi-port card");
            diagnostics.error(line, key, what, "MP_PPP");
        }
    }
    let own_address = conf.ipcp.as_ref().map(|ipcp| ipcp.mode) != Some(IpMode::Peer);
    let van_jacobson = conf.ipcp.as_ref().and_then(|ipcp| ipcp.van_jacobson);
    PppChannel {
        rewritten: conf.multilink.is_some() || van_jacobson.is_some(),
        learns_address: conf.ipcp.is_none() || !own_address,
        auth: auth(
            listed.line,
            &listed.name,
            conf,
            link,
            Some(own),
            diagnostics,
        ),
    }
}

/// Reads the authentication of an interface, or of a link that has none.
pub fn auth(
    at: usize,
    name: &str,
    conf: &PppConf,
    link: &Values,
    own: Option<&Values>,
    diagnostics: &mut Diagnostics,
) -> PppAuth {
    // The interface's own keys, then the device's.
    let from = |key: &str| match own {
        Some(own) if own.line_of(key).is_some() || link.line_of(key).is_none() => own,
        _ => link,
    };
    let mut auth = PppAuth {
        pap: from("PAP").flag("PAP"),
        chap: from("CHAP").flag("CHAP"),
        ms_chap_v2: from("MSCHAPV2").flag("MSCHAPV2"),
        users: Vec::new(),
        system_name: from("SYSNAME").text("SYSNAME"),
        secrets_file: None,
    };
    let file = from("SECRETS_FILE");
    if let Some(line) = file.line_of("SECRETS_FILE") {
        let path = PathBuf::from(file.text("SECRETS_FILE"));
        if path.is_absolute() {
            auth.secrets_file = Some(path);
        } else {
            let what = format!("'{}' is not an absolute path", path.display());
            diagnostics.error(line, "SECRETS_FILE", what, "/FILE");
        }
    }
    let (users, secrets) = (from("USERID"), from("PASSWD"));
    let (user_line, secret_line) = (users.line_of("USERID"), secrets.line_of("PASSWD"));
    match (user_line, secret_line) {
        (Some(line), _) => {
            let (users, secrets) = (users.text("USERID"), secrets.text("PASSWD"));
            let list = |text: &str| -> Vec<String> {
                if text.is_empty() {
                    Vec::new()
                } else if conf.authenticator {
                    let parts = text.split(SEPARATOR);
                    parts.map(|part| part.trim().to_owned()).collect()
                } else {
                    vec![text.to_owned()]
                }
            };
            let (users, secrets) = (list(&users), list(&secrets));
            let no_secret = secrets.is_empty() && auth.secrets_file.is_some();
            if users.len() != secrets.len() && !no_secret {
                let what = format!("{} names, {} secrets", users.len(), secrets.len());
                let allowed = "USERID and PASSWD in the same order, separated by ' / '";
                diagnostics.error(line, "USERID", what, allowed);
            }
            let mut secrets = secrets.into_iter();
            auth.users = users
                .into_iter()
                .map(|user| (user, Secret(secrets.next().unwrap_or_default())))
                .collect();
        }
        (None, Some(line)) => {
            diagnostics.error(line, "PASSWD", "without a USERID", "USERID beside it");
        }
        (None, None) => {}
    }
    check(at, name, conf, &auth, diagnostics);
    auth
}

fn check(at: usize, name: &str, conf: &PppConf, auth: &PppAuth, diagnostics: &mut Diagnostics) {
    let without_names = auth.users.is_empty() && auth.secrets_file.is_none();
    if auth.is_wanted() && without_names {
        let what = "authentication without names and secrets";
        diagnostics.error(at, name, what, "USERID and PASSWD, or SECRETS_FILE");
    }
    if auth.is_wanted() && !conf.authenticator && auth.users.is_empty() && !without_names {
        let what = "no name to prove to the peer";
        diagnostics.error(at, name, what, "USERID");
    }
    if conf.authenticator && auth.system_name.is_empty() {
        let what = "an authenticator has a name";
        diagnostics.error(at, name, what, "SYSNAME");
    }
    if conf.authenticator && !auth.is_wanted() {
        let what = "AUTHENTICATOR without a way to prove anything";
        diagnostics.error(at, name, what, "PAP, CHAP or MSCHAPV2 = YES");
    }
}

/// What no key can say alone.
pub fn check_device(
    device: &DeviceConf,
    conf: &PppConf,
    declared: usize,
    listed: &[usize],
    diagnostics: &mut Diagnostics,
) {
    match (&conf.bundle, device.interfaces.first()) {
        (Some(bundle), Some(first)) => {
            let line = listed.first().copied().unwrap_or(declared);
            let what = format!("the interface of this link is that of {bundle}");
            diagnostics.error(line, &first.name, what, "no interface");
        }
        (None, None) => {
            let what = "no interface";
            let allowed = "one in [interfaces], or BUNDLE = DEVICE";
            diagnostics.error(declared, &device.name, what, allowed);
        }
        _ => {}
    }
    for (extra, line) in device.interfaces.iter().zip(listed).skip(1) {
        let what = format!("{} has its one interface already", device.name);
        diagnostics.error(*line, &extra.name, what, "one interface");
    }
}

fn bundle(device: &str, values: &Values, diagnostics: &mut Diagnostics) -> Option<String> {
    let line = values.line_of("BUNDLE")?;
    let bundle = values.text("BUNDLE");
    if let Err(why) = device_name(&bundle) {
        diagnostics.error(line, "BUNDLE", why, "the first device of the bundle");
        return None;
    }
    if bundle == device {
        let what = "it cannot join itself";
        diagnostics.error(line, "BUNDLE", what, "MULTILINK = YES for the first device");
        return None;
    }
    Some(bundle)
}

fn ipcp(values: &Values, diagnostics: &mut Diagnostics) -> IpcpConf {
    let mut dns = |key: &str| -> Option<Ipv4Addr> {
        let line = values.line_of(key)?;
        let text = values.text(key);
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => {
                let what = format!("'{text}' is no IPv4 address");
                diagnostics.error(line, key, what, "A.B.C.D");
                None
            }
        }
    };
    IpcpConf {
        dns: [dns("DNS_PRIMARY"), dns("DNS_SECONDARY")],
        mode: match values.number::<u64>("IP_MODE") {
            1 => IpMode::Host,
            2 => IpMode::Peer,
            _ => IpMode::Static,
        },
        van_jacobson: values.flag("VJ").then(|| values.number("VJ_SLOTS")),
        use_peer_dns: values.flag("USEPEERDNS"),
    }
}

/// A time that is zero or at least a second.
fn at_least_a_second(key: &str, values: &Values, diagnostics: &mut Diagnostics) -> Duration {
    let time = values.time(key);
    if !time.is_zero() && time < Duration::from_secs(1) {
        let line = values.line_of(key).unwrap_or(0);
        diagnostics.error(line, key, "too short", "0, or 1 to 3600 seconds");
    }
    time
}

fn echo_interval(values: &Values, diagnostics: &mut Diagnostics) -> Duration {
    let time = values.time("ECHO_INTERVAL");
    if !time.is_zero() && time < Duration::from_millis(100) {
        let line = values.line_of("ECHO_INTERVAL").unwrap_or(0);
        diagnostics.error(
            line,
            "ECHO_INTERVAL",
            "too often",
            "0, or 100ms to 3600 seconds",
        );
    }
    time
}
