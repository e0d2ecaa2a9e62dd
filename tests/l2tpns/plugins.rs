//! Logins that plugins take part in: those that are built in, with what FreeRADIUS tells them, and
//! the example of a program.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use wanbox_link::ppp::auth::Method;
use wanbox_rig::error::Context;
use wanbox_rig::ping::Ping;
use wanbox_rig::radius::Record;
use wanbox_rig::{
    Error, Need, Netns, Radius, Result, ensure, sandbox, uninterrupted, until, wait_for,
};

use super::caller::{Call, Caller};
use super::{LIMIT, Net, RADIUS, joe};
use crate::{source, test};

const PROGRAM: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
    Need::Tool("python3"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("l2tpns::plugins_hear_of_radius", RADIUS, told_by_radius),
        test("l2tpns::plugins_of_nsctl", PROGRAM, told_by_nsctl),
        test("l2tpns::a_program_as_plugin", PROGRAM, program),
    ]
}

const USERS: &str = r#"
ann Cleartext-Password := "open sesame"
    Cisco-AVPair = "throttle=800,intercept=198.51.100.2:5555"

bob Cleartext-Password := "open sesame"
    Cisco-AVPair = "lcp:interface-config#1=service-policy input 64",
    Cisco-AVPair += "lcp:interface-config#2=service-policy output 128"
"#;

/// Rates, interception, names without domains, speeds of lines: all that RADIUS and the LAC tell.
fn told_by_radius() -> Result {
    let net = Net::new()?;
    let radius = Radius::start(&net.site, "radsec", USERS)?;
    let collector = net.at_site(5555)?;
    let _server = net.serve(
        "set primary_radius 198.51.100.2\nset radius_secret \"radsec\"\n\
         set radius_accounting yes\nload plugin \"autosnoop\"\nload plugin \"autothrottle\"\n\
         load plugin \"setrxspeed\"\nload plugin \"stripdomain\"\n",
    )?;
    let ann = Call {
        user: ("ann@isp.example", "open sesame"),
        // What a CHAP response proves does not have the name in it.
        methods: &[Method::ChapMd5],
        speed: 512_000,
        ..joe()
    };
    let caller = Caller::dial(&net.lac, &net.home, &ann)?;
    let address = caller.connected().context(net.log())?;
    let asked = radius.access()?;
    let names: Vec<_> = asked.iter().filter_map(|r| r.get("User-Name")).collect();
    ensure!(names == ["ann"], "{names:?}");
    let session = net.session("ann")?;
    for (what, value) in [
        ("throttle", json!([800, 800])),
        ("snoop", json!("198.51.100.2:5555")),
        ("tx_speed", json!(512_000)),
        ("rx_speed", json!(128_000)),
    ] {
        ensure!(session[what] == value, "{what}: {session}");
    }
    Ping::new("198.51.100.1").all(&net.home)?;
    // The copies: bare packets, those from the subscriber and those to it.
    let mut seen = [false; 2];
    while seen != [true; 2] {
        let (source, destination) = copied(&collector)?;
        seen[0] |= source == address;
        seen[1] |= destination == address;
    }
    caller.hang_up();
    let record = |status: &str| -> Result<Record> {
        wait_for(status, LIMIT, || {
            let mut records = radius.accounting()?;
            records.retain(|record| record.get("Acct-Status-Type") == Some(status));
            Ok(records.pop())
        })
    };
    let told = [
        "lcp:interface-config#1=service-policy input 800",
        "lcp:interface-config#2=service-policy output 800",
        "intercept=198.51.100.2:5555",
    ];
    for status in ["Start", "Stop"] {
        let record = record(status)?;
        let pairs: Vec<_> = record.all("Cisco-AVPair").collect();
        ensure!(
            told.iter().all(|pair| pairs.contains(pair)),
            "{status}: {pairs:?}"
        );
    }
    drop(caller);

    let bob = Call {
        user: ("bob", "open sesame"),
        ..ann
    };
    let caller = Caller::dial(&net.lac, &net.home, &bob)?;
    caller.connected().context(net.log())?;
    let session = net.session("bob")?;
    ensure!(session["throttle"] == json!([64, 128]), "{session}");
    ensure!(session["snoop"] == json!(null), "{session}");
    // Far more than the bucket of the direction holds, so that even a slow machine sends too much.
    let socket = net.home.inside(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(("198.51.100.2", 9))?;
        Ok(socket)
    })?;
    for _ in 0..300 {
        // Nobody is at that port.
        let _ = socket.send(&[0; 1000]);
    }
    until("packets beyond the rate", LIMIT, || {
        Ok(net.counter("in_throttled")? > 0)
    })?;
    Ok(())
}

/// The source and the destination of the next packet that is copied to a collector.
fn copied(collector: &UdpSocket) -> Result<(Ipv4Addr, Ipv4Addr)> {
    let mut packet = [0; 2048];
    let len = uninterrupted(|| collector.recv(&mut packet))?;
    let packet = &packet[..len];
    let address = |at: usize| -> Result<Ipv4Addr> {
        let octets: [u8; 4] = packet
            .get(at..at + 4)
            .ok_or_else(|| Error::new("a short packet"))?
            .try_into()?;
        Ok(octets.into())
    };
    ensure!(packet[0] == 0x45, "no bare packet: {packet:x?}");
    Ok((address(12)?, address(16)?))
}

/// What an administrator does with nsctl to somebody who is there.
fn told_by_nsctl() -> Result {
    let net = Net::new()?;
    let collector = net.at_site(5555)?;
    let _server = net.serve(
        "set throttle_speed 77\nload plugin \"sessionctl\"\nload plugin \"snoopctl\"\n\
         load plugin \"throttlectl\"\n",
    )?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected().context(net.log())?;
    let number = net.session("joe")?["session"].to_string();
    for (line, rates) in [
        ("throttle joe", json!([77, 77])),
        ("throttle joe in 100 out 200", json!([100, 200])),
        ("unthrottle joe", json!([null, null])),
    ] {
        net.lns.ok(&format!("nsctl {line}"))?;
        let session = net.session("joe")?;
        ensure!(session["throttle"] == rates, "{line}: {session}");
    }
    net.lns
        .ok(&format!("nsctl snoop {number} 198.51.100.2 5555"))?;
    Ping::new("198.51.100.1").all(&net.home)?;
    let (source, destination) = copied(&collector)?;
    ensure!([source, destination].contains(&address), "{source}");
    net.lns.ok("nsctl unsnoop joe")?;
    collector.set_nonblocking(true)?;
    let mut copy = [0; 2048];
    while collector.recv(&mut copy).is_ok() {}
    Ping::new("198.51.100.1").all(&net.home)?;
    ensure!(collector.recv(&mut copy).is_err(), "copied on and on");

    net.lns.ok("nsctl drop joe")?;
    let why = caller.ended()?;
    ensure!(why.starts_with("CDN 3"), "{why}");
    ensure!(
        net.log().contains("Requested by administrator."),
        "{}",
        net.log()
    );
    drop(caller);
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    caller.connected().context(net.log())?;
    net.lns.ok("nsctl kill joe enough")?;
    caller.ended()?;
    ensure!(net.log().contains("enough"), "{}", net.log());
    Ok(())
}

/// The processes of a plugin.
fn processes(daemon: Pid, name: &str) -> Vec<Pid> {
    sandbox::children_of(daemon.as_raw().cast_unsigned())
        .into_iter()
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(name))
        })
        .collect()
}

/// The example of the manual changes one login and refuses another; one that does not answer, or
/// is dead, holds up nobody, and what then happens is as it is set.
fn program() -> Result {
    let net = Net::new()?;
    let other_home = Netns::new()?;
    let path = "/usr/lib/l2tpns/hello";
    let example = fs::read_to_string(source().join("examples/l2tpns-plugin.py"))?;
    net.lns.write(path, &example)?;
    let set_mode = |mode: u32| -> Result {
        fs::set_permissions(net.lns.path(path), fs::Permissions::from_mode(mode))?;
        Ok(())
    };
    set_mode(0o755)?;
    let secrets = "joe \"open sesame\"\nroot \"open sesame\"\nsue \"open sesame\"\n";
    net.lns.write("/etc/l2tpns/subscribers", secrets)?;
    let server = net.serve("set plugin_timeout 1\nload plugin \"hello\"\n")?;
    let greeted = |sessions: usize| -> Result {
        let wanted = format!("Hello, world.\n{sessions} sessions\n");
        until("the plugin", LIMIT, || {
            Ok(net.lns.ok("nsctl hello")? == wanted)
        })
        .context(net.log())?;
        Ok(())
    };
    greeted(0)?;

    let sue = Call {
        user: ("sue", "open sesame"),
        ..joe()
    };
    let bystander = Caller::dial(&net.lac, &other_home, &sue)?;
    bystander.connected().context(net.log())?;
    let limited = Call {
        user: ("joe%800", "open sesame"),
        // The name is what is hashed, too, in MS-CHAPv2.
        methods: &[Method::Pap],
        ..joe()
    };
    let login = |call: &Call<'_>| Caller::dial(&net.lac, &net.home, call);
    let is_limited = || -> Result {
        until("the rate", LIMIT, || {
            Ok(net.session("joe")?["throttle"] == json!([800, 800]))
        })
        .context(net.log())?;
        Ok(())
    };
    let caller = login(&limited)?;
    caller.connected().context(net.log())?;
    is_limited()?;
    greeted(2)?;
    drop(caller);
    // The password is right, and the plugin says no.
    let root = Call {
        user: ("root", "open sesame"),
        ..joe()
    };
    let why = login(&root)?.ended()?;
    ensure!(why.starts_with("CDN"), "{why}");

    // It stands still: the login waits for as long as it may, and goes on without it.
    let plugin = processes(server.pid(), "hello");
    let [plugin] = plugin.as_slice() else {
        return Err(Error::new(format!("{plugin:?} processes")));
    };
    // Once it is given up it cannot be started again.
    set_mode(0o644)?;
    kill(*plugin, Signal::SIGSTOP)?;
    let caller = login(&joe())?;
    caller.connected().context(net.log())?;
    Ping::new("198.51.100.1").all(&other_home)?;
    drop(caller);
    let require = |word: &str| {
        let set = format!("set plugins_required {word}");
        net.cli(&["configure terminal", &set])
    };
    require("yes")?;
    let why = login(&joe())?.ended()?;
    ensure!(why.starts_with("CDN"), "{why}");

    // It is dead, unless it was given up already.
    let _ = kill(*plugin, Signal::SIGKILL);
    until("its end", LIMIT, || {
        let shown = net.lns.run("nsctl hello")?;
        Ok(processes(server.pid(), "hello").is_empty() && shown.code == 1)
    })?;
    let why = login(&joe())?.ended()?;
    ensure!(why.starts_with("CDN"), "{why}");
    require("no")?;
    let caller = login(&joe())?;
    caller.connected().context(net.log())?;
    drop(caller);

    // It comes back by itself.
    set_mode(0o755)?;
    until("the plugin again", LIMIT, || {
        Ok(net.lns.run("nsctl hello")?.code == 0)
    })
    .context(net.log())?;
    let caller = login(&limited)?;
    caller.connected().context(net.log())?;
    is_limited()?;
    let still = bystander.status();
    ensure!(still.over.is_none(), "{still:?}");
    let left = Path::new(&format!("/proc/{plugin}")).exists();
    ensure!(!left, "nobody reaped it");
    Ok(())
}
