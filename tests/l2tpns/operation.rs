//! What those who run a server see of it: files of accounting, logs, counters, limits; and peers
//! that come from other networks than most.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::json;
use wanbox_link::ppp::auth::Method;
use wanbox_rig::error::Context;
use wanbox_rig::need::find_tool;
use wanbox_rig::ping::Ping;
use wanbox_rig::run::finish;
use wanbox_rig::{
    Error, Need, Netns, Radius, Result, TempDir, ensure, netns, uninterrupted, until, wait_for,
};

use super::accounting::ask;
use super::caller::{Call, Caller};
use super::{CONFIG, LIMIT, NEEDS, Net, joe};
use crate::test;

const PING: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];

const NAT: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
    Need::Tool("nft"),
];

const RADIUS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("freeradius"),
    Need::Tool("radclient"),
];

const MOUNTS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip"), Need::Root];

pub fn tests() -> Vec<Trial> {
    vec![
        test("l2tpns::accounting_files", PING, accounting_files),
        test("l2tpns::tunnels_over_ipv6", PING, over_ipv6),
        test("l2tpns::lacs_behind_one_address", NAT, behind_one_address),
        test("l2tpns::log_files", NEEDS, log_files),
        test("l2tpns::log_of_the_system", MOUNTS, system_log),
        test("l2tpns::page_of_counters", PING, counters),
        test("l2tpns::limits", PING, limits),
        test("l2tpns::reads_what_it_wrote", NEEDS, reads_what_it_wrote),
        test("l2tpns::subscribers_of_a_file", NEEDS, subscribers),
        test("l2tpns::another_radius_server", RADIUS, other_server),
    ]
}

fn sue<'c>() -> Call<'c> {
    Call {
        user: ("sue", "open sesame"),
        ..joe()
    }
}

/// Who was there, and who is there when the server ends, is in a file with what he moved.
fn accounting_files() -> Result {
    let net = Net::new()?;
    let directory = net.lns.path("/var/usage");
    fs::create_dir_all(&directory)?;
    let lines = "set hostname lnshost\nset accounting_dir \"/var/usage\"\n";
    let mut server = net.serve(lines)?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected().context(net.log())?;
    Ping::new("198.51.100.2").all(&net.home)?;
    caller.hang_up();
    until("nobody", LIMIT, || {
        Ok(net.json("show session")? == json!([]))
    })?;
    drop(caller);
    let caller = Caller::dial(&net.lac, &net.home, &sue())?;
    caller.connected().context(net.log())?;
    net.cli(&["throttle sue 800"])?;
    let ping = Ping {
        count: 2,
        size: 972,
        ..Ping::new("198.51.100.2")
    };
    ping.all(&net.home)?;
    server.signal(Signal::SIGTERM)?;
    let status = server.end(LIMIT)?;
    ensure!(status.success(), "{status}");
    let files = fs::read_dir(&directory)?.collect::<std::io::Result<Vec<_>>>()?;
    let mut files: Vec<_> = files.iter().map(fs::DirEntry::path).collect();
    files.sort();
    ensure!(!files.is_empty(), "no file\n{}", net.log());
    // One, or two if a minute went by meanwhile.
    let mut rows = String::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let number = |place: usize, name: &str| -> Result<u64> {
            let line = text.lines().nth(place);
            let value = line.and_then(|line| line.strip_prefix(name));
            Ok(value.ok_or_else(|| Error::new(&text))?.parse()?)
        };
        let (time, uptime) = (number(3, "# time: ")?, number(4, "# uptime: ")?);
        let head = format!(
            "# dslwatch.pl dump file V1.01\n# host: lnshost\n# endpoint: 192.0.2.1\n\
             # time: {time}\n# uptime: {uptime}\n\
             # format: username ip qos uptxoctets downrxoctets\n"
        );
        rows += text.strip_prefix(&head).ok_or_else(|| Error::new(&text))?;
        // The name is the local time.
        let mut date = Command::new("date");
        date.args(["-d", &format!("@{time}"), "+%Y%m%d%H%M%S"]);
        let name = finish(&mut date, LIMIT)?.ok()?;
        ensure!(file.ends_with(name.trim()), "{file:?} at {name}");
    }
    let wanted = format!("joe {address} 1 252 252\nsue 10.8.0.7 2 2000 2000\n");
    ensure!(rows == wanted, "{rows}\nis not\n{wanted}");
    Ok(())
}

/// Packets as long as PPP carries.
fn long(to: &str) -> Ping<'_> {
    Ping {
        size: 1372,
        ..Ping::new(to)
    }
}

/// Tunnels over both protocols at the same time.
fn over_ipv6() -> Result {
    let net = Net::new()?;
    let other_home = Netns::new()?;
    let both = "set bind_multi_address \"192.0.2.1, 2001:db8:2::1\"\n";
    let _server = net.serve(both)?;
    let call = Call {
        server: "[2001:db8:2::1]",
        ..joe()
    };
    let caller = Caller::dial(&net.lac, &net.home, &call)?;
    let address = caller.connected().context(net.log())?;
    let other = Caller::dial(&net.lac, &other_home, &sue())?;
    other.connected().context(net.log())?;
    let tunnels = net.cli(&["show tunnels"])?;
    for peer in ["2001:db8:2::2", "192.0.2.2"] {
        ensure!(tunnels.contains(peer), "{peer} is not in\n{tunnels}");
    }
    for home in [&net.home, &other_home] {
        long("198.51.100.2").all(home)?;
    }
    long(&address.to_string()).all(&net.site)?;
    // From one of them to the other.
    long(&address.to_string()).all(&other_home)?;
    caller.close_tunnel();
    until("the end of the session", LIMIT, || {
        Ok(net.session("joe").is_err())
    })?;
    Ping::new("198.51.100.2").all(&other_home)
}

/// Two LACs, both at port 1701 of networks of their own, behind a router that gives both its own
/// address.
fn behind_one_address() -> Result {
    let net = Net::new()?;
    let _server = net.serve("")?;
    let nat = &net.lac;
    let mut lacs = Vec::new();
    for (n, user) in [(1, joe()), (2, sue())] {
        let lac = Netns::new()?;
        netns::veth(&lac, "eth0", nat, &format!("lan{n}"))?;
        lac.ip(&format!("addr add 10.1.{n}.2/24 dev eth0"))?;
        nat.ip(&format!("addr add 10.1.{n}.1/24 dev lan{n}"))?;
        lac.ip(&format!("route add default via 10.1.{n}.1"))?;
        let call = Call { port: 1701, ..user };
        lacs.push((lac, Netns::new()?, call));
    }
    nat.inside(|| Ok(fs::write("/proc/sys/net/ipv4/ip_forward", "1")?))?;
    let nft = find_tool("nft").ok_or_else(|| Error::new("no nft"))?;
    let rules = "add table ip nat; \
                 add chain ip nat out { type nat hook postrouting priority 100; }; \
                 add rule ip nat out oifname eth0 masquerade";
    nat.finish(Command::new(nft).arg(rules), LIMIT)?.ok()?;
    let mut callers = Vec::new();
    for (lac, home, call) in &lacs {
        let caller = Caller::dial(lac, home, call)?;
        caller.connected().context(net.log())?;
        callers.push(caller);
    }
    let tunnels = net.cli(&["show tunnels"])?;
    let there = tunnels.matches("192.0.2.2").count();
    ensure!(there == 2, "{there} tunnels\n{tunnels}");
    for (_, home, _) in &lacs {
        Ping::new("198.51.100.2").all(home)?;
    }
    callers[0].close_tunnel();
    until("the end of one", LIMIT, || Ok(net.session("joe").is_err()))?;
    Ping::new("198.51.100.2").all(&lacs[1].1)
}

/// A log file: its lines, and another file of that name after a SIGHUP.
fn log_files() -> Result {
    let net = Net::new()?;
    fs::create_dir_all(net.lns.path("/var/log"))?;
    let file = "/var/log/l2tpns";
    let lines = format!("set log_file \"{file}\"\nset debug 3\n");
    net.configure(&format!("{}{lines}", super::COMMON))?;
    net.lns.write("/etc/l2tpns/ip_pool", "10.9.0.0/24\n")?;
    net.lns.write("/etc/l2tpns/subscribers", super::USERS)?;
    // In the background, where standard error leads nowhere.
    net.lns.ok("l2tpns -d")?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected().context(net.lns.logs())?;
    let text = net.lns.read(file)?;
    for line in text.lines() {
        // `2026-11-21 16:45:01 02/01 text`: a tunnel and a session.
        let (time, rest) = line.split_at_checked(20).unwrap_or_default();
        let time = time.replace(|c: char| c.is_ascii_digit(), "0");
        let numbers = rest.split(' ').next().and_then(|tag| tag.split_once('/'));
        let sound = numbers.is_some_and(|(tunnel, session)| {
            [tunnel, session]
                .iter()
                .all(|number| number.len() >= 2 && number.parse::<u32>().is_ok())
        });
        ensure!(time == "0000-00-00 00:00:00 " && sound, "{line}");
    }
    let login = format!(" Login by joe at {address} from 192.0.2.2");
    ensure!(text.contains(&login), "{login} is not in\n{text}");
    ensure!(!text.contains("sesame"), "{text}");
    fs::rename(net.lns.path(file), net.lns.path("/var/log/old"))?;
    net.lns.signal("l2tpns", Signal::SIGHUP)?;
    until("another file", LIMIT, || {
        Ok(net
            .lns
            .read(file)
            .is_ok_and(|text| text.contains("read the configuration again")))
    })?;
    caller.hang_up();
    until("a line there", LIMIT, || {
        Ok(net.lns.read(file)?.contains("Shutting down session"))
    })?;
    net.cli(&["shutdown"])?;
    until("its end", LIMIT, || {
        Ok(!net.lns.path("/run/wanbox/l2tpns.pid").exists())
    })?;
    Ok(())
}

/// Lines as syslog takes them, with the facility that is set.
fn system_log() -> Result {
    let net = Net::new()?;
    let files = TempDir::new()?;
    let path = files.path().join("log");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(LIMIT))?;
    let devices = files.path().join("dev");
    // A /dev of its own, whose `log` is ours.
    let script = "set -e; mkdir \"$1\"; mount -t tmpfs tmpfs \"$1\"; mkdir \"$1/net\"; \
        for node in null zero random urandom net/tun; do \
          : >\"$1/$node\"; mount --bind \"/dev/$node\" \"$1/$node\"; \
        done; ln -s \"$2\" \"$1/log\"; mount --rbind \"$1\" /dev; shift 2; exec \"$@\"";
    let server = net.lns.applet("l2tpns");
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .args([&devices, &path])
        .args([server.get_program(), "-d".as_ref()]);
    for (name, value) in server.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    net.configure(&format!(
        "{}set log_file \"syslog:local5\"\nset debug 3\n",
        super::COMMON
    ))?;
    net.lns.write("/etc/l2tpns/ip_pool", "10.9.0.0/24\n")?;
    net.lns.write("/etc/l2tpns/subscribers", super::USERS)?;
    net.lns.netns.finish(&mut command, LIMIT)?.ok()?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected()?;
    let pid = net.lns.daemon("l2tpns")?;
    let mut seen = Vec::new();
    loop {
        let mut line = [0; 2048];
        let len = uninterrupted(|| socket.recv(&mut line)).context(seen.join("\n"))?;
        let line = String::from_utf8_lossy(&line[..len]).into_owned();
        if line.contains("Login by") {
            // local5 is 21, a warning 4.
            let sound = line.starts_with("<172>")
                && line.contains(&format!(" l2tpns[{pid}]: "))
                && line.contains(&format!(" Login by joe at {address} from 192.0.2.2"));
            ensure!(sound, "{line}");
            break;
        }
        seen.push(line);
    }
    net.cli(&["shutdown"])?;
    Ok(())
}

/// What Prometheus reads, as it asks.
fn counters() -> Result {
    let net = Net::new()?;
    let _server = net.serve("set metrics_address \"127.0.0.1:9100\"\nset packet_limit 1\n")?;
    let ask = |line: &str| -> Result<String> {
        let to = || Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, 9100))?);
        let mut stream = net.lns.netns.inside(to)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(format!("{line}\r\nHost: lns\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let value = |name: &str| -> Result<u64> {
        let page = ask("GET /metrics HTTP/1.1")?;
        let (head, body) = page
            .split_once("\r\n\r\n")
            .ok_or_else(|| Error::new(&page))?;
        ensure!(
            head.starts_with("HTTP/1.0 200 ") && head.contains("text/plain; version=0.0.4"),
            "{head}"
        );
        for line in body.lines() {
            let sample = line.strip_prefix("l2tpns_").and_then(|l| l.split_once(' '));
            let sound = line.starts_with("# HELP l2tpns_")
                || line.starts_with("# TYPE l2tpns_")
                || sample.is_some_and(|(_, value)| value.parse::<u64>().is_ok());
            ensure!(sound, "{line}");
        }
        let line = body
            .lines()
            .find_map(|line| line.strip_prefix(&format!("l2tpns_{name} ")));
        Ok(line.ok_or_else(|| Error::new(body))?.parse()?)
    };
    ensure!(value("sessions")? == 0, "sessions before any");
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected().context(net.log())?;
    ensure!(value("sessions")? == 1, "sessions");
    let before = value("packets_dropped_total")?;
    flood(&net, address)?;
    until("drops", LIMIT, || {
        Ok(value("packets_dropped_total")? > before)
    })?;
    let missing = ask("GET /other HTTP/1.1")?;
    ensure!(missing.starts_with("HTTP/1.0 404 "), "{missing}");
    let wrong = ask("PUT /metrics HTTP/1.1")?;
    ensure!(wrong.starts_with("HTTP/1.0 405 "), "{wrong}");
    Ok(())
}

/// More packets to a subscriber than a tenth of a second has room for.
fn flood(net: &Net, address: Ipv4Addr) -> Result {
    let socket = net.at_site(0)?;
    socket.connect((address, 9))?;
    for _ in 0..200 {
        // The subscriber has nobody at that port.
        let _ = socket.send(&[0; 100]);
    }
    Ok(())
}

/// Packets to somebody are limited, and those to nobody are answered.
fn limits() -> Result {
    let net = Net::new()?;
    let _server = net.serve("set packet_limit 5\nset icmp_rate 5\n")?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected().context(net.log())?;
    Ping::new(&address.to_string()).all(&net.site)?;
    flood(&net, address)?;
    until("packets over the limit", LIMIT, || {
        Ok(net.counter("out_limited")? > 0)
    })?;
    let ping = |to: &str, seconds: &str| -> Result<String> {
        let ping = find_tool("ping").ok_or_else(|| Error::new("no ping"))?;
        let mut command = Command::new(ping);
        command.args(["-n", "-c", "1", "-W", seconds, to]);
        Ok(net.site.finish(&mut command, LIMIT)?.stdout)
    };
    let said = ping("10.9.0.200", "10")?;
    ensure!(
        said.contains("From 192.0.2.1 icmp_seq=1 Destination Host Unreachable"),
        "{said}"
    );
    // Not unless it is asked for.
    net.cli(&["configure terminal", "set icmp_rate 0"])?;
    let said = ping("10.9.0.200", "1")?;
    ensure!(!said.contains("Unreachable"), "{said}");
    Ok(())
}

/// What `write memory` writes is what is shown, and what another server then has.
fn reads_what_it_wrote() -> Result {
    let net = Net::new()?;
    let mut server = net.serve(
        "set radius_secret \"a \\\\ 'secret'\"\nset primary_radius 198.51.100.2\n\
         load plugin \"garden\"\nload plugin \"stripdomain\"\n\
         set multi_hostname \"one, two\"\nset cluster_hb_interval 7\n",
    )?;
    net.cli(&[
        "configure terminal",
        "set radius_interim 90",
        "set echo_timeout 77",
        "ip access-list extended web",
        "permit tcp any gt 1023 any eq 80 established",
        "deny ip host 10.0.0.1 10.0.0.0 0.255.255.255 fragments",
        "exit",
        "ip access-list standard few",
        "permit 10.9.0.0 0.0.0.255",
        "exit",
        "setforward joe@ 192.0.2.9 1701 \"another secret\"",
        "remove plugin stripdomain",
    ])?;
    let shown = net.cli(&["show running-config"])?;
    for line in [
        "set radius_interim 90\n",
        "set echo_timeout 77\n",
        "set cluster_hb_interval 7\n",
        " permit tcp any gt 1023 any eq 80 established\n",
        "load plugin \"garden\"\n",
        "another secret",
    ] {
        ensure!(shown.contains(line), "{line} is not in\n{shown}");
    }
    ensure!(!shown.contains("stripdomain"), "{shown}");
    net.cli(&["write memory"])?;
    let written = net.lns.read(CONFIG)?;
    server.signal(Signal::SIGTERM)?;
    server.end(LIMIT)?;
    let log = fs::File::create(net.lns.path("/log"))?;
    let mut command = net.lns.applet("l2tpns");
    let _server: wanbox_rig::Running = net.lns.netns.spawn(command.stderr(log))?.into();
    wait_for("the server", LIMIT, || {
        Ok(net.log().contains(" is up, ").then_some(()))
    })
    .context(net.log())?;
    let again = net.cli(&["show running-config"])?;
    ensure!(again == shown, "{again}\nis not\n{shown}");
    net.cli(&["write memory"])?;
    let rewritten = net.lns.read(CONFIG)?;
    ensure!(rewritten == written, "{rewritten}\nis not\n{written}");
    Ok(())
}

/// Secrets in the forms of crypt, rates, filters, name servers, an end after some time: without
/// RADIUS.
fn subscribers() -> Result {
    let net = Net::new()?;
    net.lns.write(
        "/etc/l2tpns/subscribers",
        "# What the office has\n\
         office \"two words\" address=10.8.0.9 route=10.88.0.0/16 rate-in=64 rate-out=128 \
         filter-in=few dns=198.51.100.54\n\
         des {crypt}xHLfQ5yTJjV3Q\n\
         md5 $1$saltsalt$9xy1btjgzLYfb7hivXtC//\n\
         sha256 $5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA\n\
         guest welcome session-timeout=2\nidler welcome idle-timeout=2\n",
    )?;
    let _server = net.serve("ip access-list standard few\npermit 10.8.0.0 0.0.0.255\nexit\n")?;
    let login = |user, password, methods: &'static [Method]| {
        let call = Call {
            user: (user, password),
            methods,
            ..joe()
        };
        Caller::dial(&net.lac, &net.home, &call)
    };
    let any = &[Method::MsChapV2, Method::ChapMd5, Method::Pap];
    let caller = login("office", "two words", any)?;
    let address = caller.connected().context(net.log())?;
    ensure!(address == Ipv4Addr::new(10, 8, 0, 9), "{address}");
    ensure!(
        caller.status().dns[0] == "198.51.100.54".parse().ok(),
        "{:?}",
        caller.status()
    );
    let session = net.session("office")?;
    for (what, value) in [
        ("throttle", json!([64, 128])),
        ("filter_in", json!("few")),
        ("filter_out", json!(null)),
    ] {
        ensure!(session[what] == value, "{what}: {session}");
    }
    ensure!(
        session["routes"].to_string().contains("10.88.0.0/16"),
        "{session}"
    );
    drop(caller);
    // Only a password can be compared with what is hashed.
    for user in ["des", "md5", "sha256"] {
        let caller = login(user, "secret", &[Method::Pap])?;
        caller.connected().context(net.log())?;
    }
    for (password, methods) in [("secret", &[Method::ChapMd5]), ("Secret", &[Method::Pap])] {
        let why = login("md5", password, methods)?.ended()?;
        ensure!(why.starts_with("CDN"), "{methods:?}: {why}");
    }
    for (user, text) in [
        ("guest", "Session timeout"),
        ("idler", "Idle Timeout Reached"),
    ] {
        let caller = login(user, "welcome", any)?;
        caller.connected().context(net.log())?;
        let why = caller.ended()?;
        ensure!(why.starts_with("CDN 3"), "{user}: {why}");
        let log = net.log();
        ensure!(log.contains(text), "{text} is not in\n{log}");
    }
    Ok(())
}

/// The first RADIUS server is not there; the second changes and disconnects whom it let in, and
/// hears of all who are there when the server takes its leave.
fn other_server() -> Result {
    let net = Net::new()?;
    net.lns.write("/etc/l2tpns/subscribers", "")?;
    let users = "\njoe Cleartext-Password := \"open sesame\"\n    Cisco-AVPair = \"throttle=800\"\n\n\
                 sue Cleartext-Password := \"open sesame\"\n";
    let radius = Radius::start(&net.site, "radsec", users)?;
    let mut server = net.serve(
        "set primary_radius 198.51.100.9\nset secondary_radius 198.51.100.2\n\
         set radius_secret \"radsec\"\nset radius_accounting yes\nload plugin \"autothrottle\"\n\
         ip access-list standard few\npermit 10.9.0.0 0.0.0.255\nexit\n",
    )?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    caller.connected().context(net.log())?;
    let session = net.session("joe")?;
    ensure!(session["throttle"] == json!([800, 800]), "{session}");
    let change = "User-Name = joe\nFilter-Id = \"few.in\"\nCisco-AVPair = \"throttle=99\"\n";
    let said = ask(&net, "coa", change)?;
    ensure!(said.contains("Received CoA-ACK"), "{said}");
    let session = net.session("joe")?;
    ensure!(session["throttle"] == json!([99, 99]), "{session}");
    ensure!(session["filter_in"] == json!("few"), "{session}");
    let other = Netns::new()?;
    let sue = Caller::dial(&net.lac, &other, &sue())?;
    sue.connected().context(net.log())?;
    server.signal(Signal::SIGQUIT)?;
    server.end(LIMIT)?;
    caller.ended()?;
    sue.ended()?;
    for user in ["joe", "sue"] {
        let records = radius.accounting()?;
        let stops = records.iter().filter(|record| {
            record.get("User-Name") == Some(user) && record.get("Acct-Status-Type") == Some("Stop")
        });
        ensure!(stops.count() == 1, "{user}: {records:?}");
    }
    Ok(())
}
