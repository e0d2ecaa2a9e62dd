//! What a RADIUS server hears of one and the same subscriber from Debian's l2tpns and from ours,
//! attribute by attribute.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use libtest_mimic::Trial;
use wanbox_link::ppp::auth::Method;
use wanbox_rig::debian::NEEDED;
use wanbox_rig::error::Context;
use wanbox_rig::need::find_tool;
use wanbox_rig::ping::Ping;
use wanbox_rig::radius::Record;
use wanbox_rig::{Debian, Error, Need, Radius, Result, TempDir, ensure, until};

use super::caller::{Call, Caller};
use super::{LIMIT, Net};
use crate::test;

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
    Need::Root,
    Need::Tool("freeradius"),
    Need::Tool("radclient"),
    Need::Tool("l2tpns"),
];

pub fn tests() -> Vec<Trial> {
    let trial = |name, method| test(name, NEEDS, move || as_debian_does(method));
    vec![
        trial("l2tpns::accounts_as_debian_s_does", Method::Pap),
        trial("l2tpns::accounts_as_debian_s_does_chap", Method::ChapMd5),
    ]
}

const USERS: &str = r#"
ann Cleartext-Password := "open sesame"
    Service-Type = Framed-User,
    Framed-Protocol = PPP,
    Framed-IP-Address = 10.8.0.7,
    Framed-Route = "10.77.0.0/24 10.8.0.7 1",
    Framed-Route += "10.78.0.0/16 10.8.0.7 1",
    Class = 0x676f6c64,
    Session-Timeout = 3600,
    Idle-Timeout = 1200

bob Cleartext-Password := "open sesame"
    Service-Type = Framed-User

sam Cleartext-Password := "open sesame"
    Session-Timeout = 7

ida Cleartext-Password := "open sesame"
    Idle-Timeout = 6
"#;

const CONFIG: &str = "set primary_radius 198.51.100.2
set primary_radius_port 1812
set radius_secret \"radsec\"
set radius_accounting yes
set radius_interim 4
";

/// How a call ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The LAC hangs up.
    HangUp,
    /// The server disconnects it (RFC 5176).
    Disconnect,
    /// By itself.
    Itself,
}

/// Which subscriber calls, how, and how the call ends.
const CALLS: [(&str, Method, End); 6] = [
    ("ann", Method::Pap, End::HangUp),
    ("bob", Method::Pap, End::Disconnect),
    ("sam", Method::Pap, End::Itself),
    ("ann", Method::ChapMd5, End::HangUp),
    ("bob", Method::ChapMd5, End::Disconnect),
    ("ida", Method::ChapMd5, End::Itself),
];

/// Whatever is on the network, each call of the script: what the server was asked, and the Start,
/// the Interim-Update and the Stop.
type Heard = Vec<(Record, [Record; 3])>;

fn script(
    net: &Net,
    radius: &Radius,
    authtypes: Method,
    log: &dyn Fn() -> String,
) -> Result<Heard> {
    let mut heard = Vec::new();
    for (user, method, end) in CALLS {
        if method != authtypes {
            continue;
        }
        let before = radius.accounting()?.len();
        let call = Call {
            methods: &[method],
            ..Call::new("192.0.2.1", user, "open sesame")
        };
        let caller = Caller::dial(&net.lac, &net.home, &call)?;
        caller.connected().context(log())?;
        let answers = Ping::new("198.51.100.2").send(&net.home)?;
        ensure!(answers == 3, "{user}: {answers} answers\n{}", log());
        let of = |status: &str| -> Result<Option<Record>> {
            let mut records = radius.accounting()?.split_off(before);
            records.retain(|record| record.get("Acct-Status-Type") == Some(status));
            Ok(records.pop())
        };
        until("an interim record", LIMIT, || {
            Ok(of("Interim-Update")?.is_some())
        })
        .context(log())?;
        match end {
            End::HangUp => caller.hang_up(),
            End::Disconnect => disconnect(net, user)?,
            End::Itself => {}
        }
        until("the record of the end", LIMIT, || Ok(of("Stop")?.is_some())).context(log())?;
        let (Some(start), Some(interim), Some(stop)) =
            (of("Start")?, of("Interim-Update")?, of("Stop")?)
        else {
            return Err(Error::new(format!("{user}: no Start")));
        };
        let asked = radius.access()?.pop();
        let asked = asked.ok_or_else(|| Error::new("nothing was asked"))?;
        heard.push((asked, [start, interim, stop]));
    }
    Ok(heard)
}

/// FreeRADIUS's client asks for the end of a user's session.
fn disconnect(net: &Net, user: &str) -> Result {
    let said = ask(net, "disconnect", &format!("User-Name = {user}\n"))?;
    ensure!(said.contains("Received Disconnect-ACK"), "{said}");
    Ok(())
}

/// What FreeRADIUS's client says of an answer to a request with these attributes.
pub(super) fn ask(net: &Net, kind: &str, attributes: &str) -> Result<String> {
    let files = TempDir::new()?;
    let request = files.path().join("request");
    fs::write(&request, attributes)?;
    let program = find_tool("radclient").ok_or_else(|| Error::new("radclient is missing"))?;
    let mut command = Command::new(program);
    command
        .args(["-x", "-r", "3", "-t", "3", "-f"])
        .arg(&request)
        .args(["192.0.2.1:3799", kind, "radsec"]);
    net.site.finish(&mut command, LIMIT)?.ok()
}

/// The script with ours, or with Debian's.
fn run(ours: bool, method: Method) -> Result<Heard> {
    let net = Net::new()?;
    // Debian's sends no Message-Authenticator.
    let radius = Radius::start_old(&net.site, "radsec", USERS)?;
    let word = match method {
        Method::Pap => "pap",
        _ => "chap",
    };
    let config = format!("{CONFIG}set radius_authtypes \"{word}\"\n");
    if ours {
        let _server = net.serve(&format!("{config}set radius_message_authenticator no\n"))?;
        return script(&net, &radius, method, &|| net.log());
    }
    net.lns.netns.inside(|| {
        fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
        Ok(())
    })?;
    let config = format!(
        "{NEEDED}set debug 4\nset bind_address 192.0.2.1\nset peer_address 10.255.0.1\n{config}"
    );
    let debian = Debian::start(&net.lns.netns, &config, "10.9.0.0/24\n")?;
    script(&net, &radius, method, &|| debian.log())
}

/// Attributes that ours adds.
const ADDED: &[&str] = &[
    "Framed-Protocol",
    "NAS-Identifier",
    "NAS-Port-Type",
    "Message-Authenticator",
    "Event-Timestamp",
    "Acct-Authentic",
    "Acct-Session-Id",
];
/// Attributes of different values: times, secrets, and what the server adds itself.
const VARYING: &[&str] = &[
    "Acct-Session-Id",
    "Acct-Session-Time",
    "Acct-Delay-Time",
    "Event-Timestamp",
    "Timestamp",
    "CHAP-Password",
    "CHAP-Challenge",
];

fn compare(what: &str, ours: &Record, debian: &Record) -> Result {
    let names = |record: &Record| -> Vec<String> {
        record.0.iter().map(|(name, _)| name.clone()).collect()
    };
    let known: BTreeSet<String> = names(debian).into_iter().collect();
    let both = format!("{what}\nours: {ours:#?}\nDebian's: {debian:#?}");
    // The same ones in the same order.
    let mut shared = names(ours);
    shared.retain(|name| known.contains(name));
    ensure!(shared == names(debian), "other attributes: {both}");
    for name in names(ours) {
        let expected = known.contains(&name) || ADDED.contains(&name.as_str());
        ensure!(expected, "{name} is new: {both}");
    }
    for name in known
        .iter()
        .filter(|name| !VARYING.contains(&name.as_str()))
    {
        let (a, b): (Vec<_>, Vec<_>) = (ours.all(name).collect(), debian.all(name).collect());
        ensure!(a == b, "{name}: {a:?} is not {b:?}: {both}");
    }
    // How many there are depends on how busy the machine is: on retransmissions, and on when the
    // record was due.
    for name in ["Acct-Session-Time", "Acct-Delay-Time"] {
        for record in [ours, debian] {
            let seconds = record.get(name).map(str::parse::<u32>).transpose();
            ensure!(seconds.is_ok(), "{name}: {both}");
        }
    }
    let id = |record: &Record| record.get("Acct-Session-Id").map(str::len);
    ensure!(
        id(debian).is_none() || id(ours) == id(debian),
        "another form of Acct-Session-Id: {both}"
    );
    Ok(())
}

fn as_debian_does(method: Method) -> Result {
    let ours = run(true, method).context("ours")?;
    let debian = run(false, method).context("Debian's")?;
    ensure!(ours.len() == debian.len() && !ours.is_empty(), "{method}");
    for (ours, debian) in ours.iter().zip(&debian) {
        compare(&format!("{method}: Access-Request"), &ours.0, &debian.0)?;
        for (ours, debian) in ours.1.iter().zip(&debian.1) {
            compare(&format!("{method}: accounting"), ours, debian)?;
        }
    }
    Ok(())
}
