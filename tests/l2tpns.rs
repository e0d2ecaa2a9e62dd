//! `l2tpns`: a network server, those who call it, and the network behind it.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::Value;
use wanbox_link::ppp::auth::Method;
use wanbox_rig::debian::NEEDED;
use wanbox_rig::error::Context;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Debian, Error, Need, Netns, Result, Router, Running, ensure, json, netns, until};

use self::caller::{Call, Caller};
use crate::{test, wanbox};

mod accounting;
mod caller;
mod garden;
mod operation;
mod plugins;
mod sessions;

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];

/// As above, with FreeRADIUS, and pings through sessions.
const RADIUS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
    Need::Tool("freeradius"),
];

/// As the first, and Debian's l2tpns, whose files are at fixed places.
const DEBIAN: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Root,
    Need::Tool("l2tpns"),
];

/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(90);

pub fn tests() -> Vec<Trial> {
    let mut trials = vec![
        test("l2tpns::logs_in", NEEDS, logs_in),
        test("l2tpns::ends_of_a_call", NEEDS, ends),
        test("l2tpns::debian_s_l2tpns_forwards", DEBIAN, forwarded),
        test("l2tpns::leaves_when_asked", NEEDS, leaves),
        test("l2tpns::reads_its_files_again", NEEDS, reload),
        test("l2tpns::counts", NEEDS, counts),
        test("l2tpns::wrong_files_start_nothing", NEEDS, wrong_files),
    ];
    trials.extend(accounting::tests());
    trials.extend(plugins::tests());
    trials.extend(garden::tests());
    trials.extend(operation::tests());
    trials.extend(sessions::tests());
    trials
}

/// The network server and what is around it: `lac` and `home` on one side, `site` on the other.
struct Net {
    lns: Router,
    lac: Netns,
    home: Netns,
    site: Netns,
}

/// Users of the file.
const USERS: &str =
    "joe \"open sesame\"\nsue \"open sesame\" address=10.8.0.7 route=10.77.0.0/24\n";

/// Where the configuration is.
const CONFIG: &str = "/etc/l2tpns/startup-config";

impl Net {
    /// 192.0.2.0/24 is between the LAC and the server, 198.51.100.0/24 behind it.
    fn new() -> Result<Self> {
        let net = Self {
            lns: Router::new(&wanbox())?,
            lac: Netns::new()?,
            home: Netns::new()?,
            site: Netns::new()?,
        };
        netns::veth(&net.lac, "eth0", &net.lns.netns, "eth0")?;
        netns::veth(&net.site, "eth0", &net.lns.netns, "eth1")?;
        net.lac.ip("addr add 192.0.2.2/24 dev eth0")?;
        net.lac.ip("-6 addr add 2001:db8:2::2/64 dev eth0 nodad")?;
        net.lns.netns.ip("addr add 192.0.2.1/24 dev eth0")?;
        net.lns
            .netns
            .ip("-6 addr add 2001:db8:2::1/64 dev eth0 nodad")?;
        net.lns.netns.ip("addr add 198.51.100.1/24 dev eth1")?;
        net.site.ip("addr add 198.51.100.2/24 dev eth0")?;
        net.site.ip("route add default via 198.51.100.1")?;
        net.home.ip("link set lo up")?;
        Ok(net)
    }

    /// Starts the server with these lines beside the common ones, and waits until it is ready.
    fn serve(&self, lines: &str) -> Result<Running> {
        self.serve_with(lines, self.lns.applet("l2tpns"))
    }

    /// The same with a command that becomes the server.
    fn serve_with(&self, lines: &str, mut command: Command) -> Result<Running> {
        self.configure(&format!("{COMMON}{lines}"))?;
        for (name, text) in [("subscribers", USERS), ("ip_pool", "10.9.0.0/24\n")] {
            // Unless the test has its own.
            let path = format!("/etc/l2tpns/{name}");
            if !self.lns.path(&path).exists() {
                self.lns.write(&path, text)?;
            }
        }
        for name in ["startup-config", "subscribers"] {
            let path = self.lns.path("/etc/l2tpns").join(name);
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
        self.lns.netns.inside(|| {
            for name in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
                fs::write(format!("/proc/sys/net/{name}"), "1")?;
            }
            Ok(())
        })?;
        let log = fs::File::create(self.lns.path("/log"))?;
        let out = fs::File::create(self.lns.path("/out"))?;
        let command = command.stderr(log).stdout(out);
        let server = self.lns.netns.spawn(command)?.into();
        until("the server", LIMIT, || Ok(self.log().contains(" is up, "))).context(self.log())?;
        Ok(server)
    }

    /// What the server logged.
    fn log(&self) -> String {
        self.lns.read("/log").unwrap_or_default()
    }

    /// What a command says to `l2tpns -e`.
    fn cli(&self, lines: &[&str]) -> Result<String> {
        let mut command = self.lns.applet("l2tpns");
        for line in lines {
            command.args(["-e", line]);
        }
        self.lns.netns.finish(&mut command, LIMIT)?.ok()
    }

    /// The same as JSON.
    fn json(&self, line: &str) -> Result<Value> {
        let mut command = self.lns.applet("l2tpns");
        command.args(["--json", "-e", line]);
        let text = self.lns.netns.finish(&mut command, LIMIT)?.ok()?;
        serde_json::from_str(&text).context(line)
    }

    /// All that is shown about the session of a user, gardened or not, once there is one.
    fn session(&self, user: &str) -> Result<Value> {
        let sessions = self.json("show session")?;
        let found = sessions
            .as_array()
            .into_iter()
            .flatten()
            .find(|session| session["user"] == user)
            .ok_or_else(|| Error::new(format!("{user} has no session: {sessions}")))?;
        self.json(&format!("show session {}", found["session"]))
    }

    /// One of the counters by name.
    fn counter(&self, name: &str) -> Result<u64> {
        let counters = self.json("show counters")?;
        let counter = counters["named"][name].as_u64();
        counter.ok_or_else(|| Error::new(format!("no {name} in {counters}")))
    }

    /// A socket of the host behind the server.
    fn at_site(&self, port: u16) -> Result<UdpSocket> {
        let open = || Ok(UdpSocket::bind(("198.51.100.2", port))?);
        let socket = self.site.inside(open)?;
        socket.set_read_timeout(Some(LIMIT))?;
        Ok(socket)
    }

    /// Writes the configuration.
    fn configure(&self, text: &str) -> Result {
        self.lns.write(CONFIG, text)
    }
}

/// All that is wrong is said, with its lines, and nothing is there afterwards.
fn wrong_files() -> Result {
    let net = Net::new()?;
    net.configure("set debug 9\nset bind_address nowhere\nset nonsense 1\n")?;
    for how in ["l2tpns", "l2tpns -d", "l2tpns --check"] {
        let said = net.lns.run(how)?.code(1)?.stderr;
        for wrong in [
            "startup-config:1: ",
            "startup-config:2: ",
            "startup-config:3: ",
        ] {
            ensure!(said.contains(wrong), "{how}: {said}");
        }
    }
    net.configure("set bind_address 203.0.113.7\nset metrics_address \"203.0.113.7:9\"\n")?;
    let said = net.lns.run("l2tpns -d")?.code(1)?.stderr;
    for wrong in ["tunnels on 203.0.113.7:1701", "metrics on 203.0.113.7:9"] {
        ensure!(said.contains(wrong), "{said}");
    }
    let links = net.lns.netns.ip("link")?;
    ensure!(!links.contains("tun0"), "{links}");
    ensure!(
        !net.lns.path("/run/wanbox/l2tpns.pid").exists(),
        "a pid file is left"
    );
    net.lns.run("l2tpns --nonsense")?.code(2)?;
    Ok(())
}

/// The configuration of most tests: users of a file.
const COMMON: &str = "set bind_address 192.0.2.1
set peer_address 10.255.0.1
set debug 4
set primary_dns 198.51.100.53
set cli_port 0
set subscribers_file \"/etc/l2tpns/subscribers\"
set radius_authtypes \"mschapv2, chap, pap\"
";

/// The network behind the server answers somebody who logged in, however he proves himself.
fn logs_in() -> Result {
    let net = Net::new()?;
    let _lns = net.serve("set l2tp_secret \"between us\"\n")?;
    for method in [Method::Pap, Method::ChapMd5, Method::MsChapV2] {
        let call = Call {
            methods: &[method],
            secret: Some("between us"),
            ..Call::new("192.0.2.1", "joe", "open sesame")
        };
        let caller = Caller::dial(&net.lac, &net.home, &call)?;
        let address = caller.connected().context(format!("{method:?}"))?;
        ensure!(address.octets()[..3] == [10, 9, 0], "{method:?}: {address}");
        let status = caller.status();
        let dns = "198.51.100.53".parse().ok();
        ensure!(status.dns[0] == dns, "{:?}", status.dns);
        ensure!(
            status.peer == "10.255.0.1".parse().ok(),
            "{:?}",
            status.peer
        );
        let answers = Ping::new("198.51.100.2").send(&net.home)?;
        ensure!(answers == 3, "{method:?}: {answers} answers");
        let answers = Ping::new(&address.to_string()).send(&net.site)?;
        ensure!(
            answers == 3,
            "{method:?}: {answers} answers of the subscriber"
        );
        drop(caller);
        let wrong = Call {
            user: ("joe", "open says me"),
            ..call
        };
        let caller = Caller::dial(&net.lac, &net.home, &wrong)?;
        let why = caller.ended()?;
        ensure!(why.starts_with("CDN"), "{method:?}: {why}");
    }
    Ok(())
}

/// What passes and what does not is counted, from the start or since somebody cleared it, and the
/// bandwidth is told every second.
fn counts() -> Result {
    let net = Net::new()?;
    let _lns = net.serve("set dump_speed yes\n")?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected()?;
    Ping::new("198.51.100.2").send(&net.home)?;
    // To a session that there is not, and to an address that nobody has.
    net.lac.inside(|| {
        let socket = UdpSocket::bind("192.0.2.2:0")?;
        socket.send_to(&[0, 2, 0xff, 0xfe, 0xff, 0xfe, 0x21], "192.0.2.1:1701")?;
        Ok(())
    })?;
    let nobody = if address.octets()[3] == 9 { 8 } else { 9 };
    Ping::new(&format!("10.9.0.{nobody}")).send(&net.site)?;
    let counters = net.json("show counters")?;
    let count = |counters: &Value, name: &str| json::number(counters, name);
    for (name, least) in [
        ("/ethernet_rx/packets", 6),
        ("/ethernet_rx/dropped", 3),
        ("/ethernet_tx/packets", 3),
        ("/tunnel_rx/packets", 9),
        ("/tunnel_rx/octets", 9 * 20),
        ("/tunnel_rx/errors", 1),
        ("/tunnel_tx/packets", 9),
        ("/named/in_unknown_session", 1),
        ("/named/out_no_session", 3),
        ("/named/select_called", 9),
        ("/named/session_created", 1),
    ] {
        let is = count(&counters, name)?;
        ensure!(is >= least, "{name}: {is}, not {least}");
    }
    net.cli(&["clear counters"])?;
    let counters = net.json("show counters")?;
    for name in [
        "/ethernet_rx/dropped",
        "/ethernet_tx/packets",
        "/tunnel_rx/errors",
        "/named/in_unknown_session",
        "/named/out_no_session",
        "/named/session_created",
    ] {
        let is = count(&counters, name)?;
        ensure!(is == 0, "{name}: {is} after clear counters");
    }
    until("three lines of bandwidth", LIMIT, || {
        let out = net.lns.read("/out")?;
        let lines = out.lines().filter(|line| {
            line.starts_with("UDP-ETH:") && line.contains("  ETH-UDP:") && line.contains("  TOTAL:")
        });
        Ok(lines.count() >= 3)
    })?;
    Ok(())
}

fn joe<'c>() -> Call<'c> {
    Call::new("192.0.2.1", "joe", "open sesame")
}

/// A call ends with PPP, with a CDN, with its tunnel; and nothing is left of it.
fn ends() -> Result {
    let net = Net::new()?;
    let _lns = net.serve("")?;
    let sue = Call {
        user: ("sue", "open sesame"),
        ..joe()
    };
    let route = || net.lns.netns.ip("route show proto 42");
    for end in [Caller::hang_up, Caller::close_tunnel, Caller::terminate] {
        let caller = Caller::dial(&net.lac, &net.home, &sue)?;
        caller.connected()?;
        until("its routes", LIMIT, || {
            let routes = route()?;
            Ok(routes.contains("10.77.0.0/24") && routes.contains("10.8.0.7"))
        })?;
        end(&caller);
        until(
            "no routes",
            LIMIT,
            || Ok(!route()?.contains("10.77.0.0/24")),
        )
        .context(net.log())?;
    }
    Ok(())
}

/// Debian's l2tpns is called by somebody, and forwards the session to us, where he logs in.
fn forwarded() -> Result {
    let net = Net::new()?;
    let _lns = net.serve("set l2tp_secret \"between us\"\n")?;
    // Between the caller and the LAC.
    let far = Netns::new()?;
    netns::veth(&far, "eth0", &net.lac, "eth1")?;
    far.ip("addr add 203.0.113.2/24 dev eth0")?;
    net.lac.ip("addr add 203.0.113.1/24 dev eth1")?;
    let debian = Debian::start(
        &net.lac,
        &format!(
            "{NEEDED}set debug 4\nset bind_address 203.0.113.1\n\
             set bind_address_remotelns 192.0.2.2\nset l2tp_secret \"between us\"\n\
             set radius_authtypes \"pap\"\nsetforward joe 192.0.2.1 1701 \"between us\"\n"
        ),
        "10.200.0.0/24\n",
    )?;
    let call = Call {
        server: "203.0.113.1",
        secret: Some("between us"),
        methods: &[Method::Pap],
        ..joe()
    };
    let caller = Caller::dial(&far, &net.home, &call)?;
    let address = caller
        .connected()
        .context(debian.log())
        .context(net.log())?;
    ensure!(address.octets()[..3] == [10, 9, 0], "{address}");
    let answers = Ping::new("198.51.100.2").send(&net.home)?;
    ensure!(answers == 3, "{answers} answers\n{}", debian.log());
    ensure!(net.log().contains("Login by joe"), "{}", net.log());
    caller.hang_up();
    until("the end of the session", LIMIT, || {
        Ok(net.log().contains("Shutting down session"))
    })
    .context(net.log())?;
    Ok(())
}

/// SIGQUIT says goodbye; SIGTERM does not, and neither takes long.
fn leaves() -> Result {
    for (signal, told) in [(Signal::SIGQUIT, true), (Signal::SIGTERM, false)] {
        let net = Net::new()?;
        let mut lns = net.serve("")?;
        let caller = Caller::dial(&net.lac, &net.home, &joe())?;
        caller.connected()?;
        lns.signal(signal)?;
        let status = lns.end(LIMIT)?;
        ensure!(status.success(), "{signal}: {status}\n{}", net.log());
        if told {
            let why = caller.ended()?;
            ensure!(why.contains("CDN 3") || why.contains("StopCCN 6"), "{why}");
        } else {
            let status = caller.status();
            ensure!(status.over.is_none(), "{:?}", status.over);
        }
        ensure!(
            !net.lns.path("/run/wanbox/l2tpns.pid").exists(),
            "a pid file"
        );
        let links = net.lns.netns.ip("link")?;
        ensure!(!links.contains("tun0"), "{links}");
    }
    Ok(())
}

/// SIGHUP changes what is different and drops nobody; files with errors change nothing.
fn reload() -> Result {
    let net = Net::new()?;
    let lns = net.serve("")?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected()?;
    let hangup = |said: &str| -> Result {
        let before = net.log().len();
        lns.signal(Signal::SIGHUP)?;
        until(said, LIMIT, || {
            Ok(net.log().get(before..).unwrap_or_default().contains(said))
        })?;
        Ok(())
    };
    net.lns
        .write("/etc/l2tpns/ip_pool", "10.9.0.0/24\n10.66.0.0/24\n")?;
    net.configure(&format!("{COMMON}set primary_dns 198.51.100.54\n"))?;
    hangup("read the configuration again: changed")?;
    let routes = net.lns.netns.ip("route show proto 42")?;
    ensure!(routes.contains("10.66.0.0/24"), "{routes}");
    net.lns
        .write("/etc/l2tpns/ip_pool", "10.9.0.0/24\nnowhere\n")?;
    hangup("the configuration stays as it was")?;
    let routes = net.lns.netns.ip("route show proto 42")?;
    ensure!(routes.contains("10.66.0.0/24"), "{routes}");
    ensure!(
        caller.status().address == Some(address),
        "{:?}",
        caller.status()
    );
    let answers = Ping::new("198.51.100.2").send(&net.home)?;
    ensure!(answers == 3, "{answers} answers");
    drop(caller);
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    caller.connected()?;
    let dns = caller.status().dns[0];
    ensure!(dns == "198.51.100.54".parse().ok(), "{dns:?}");
    Ok(())
}
