//! `eqld`: masters over paced lines, Ethernets and whatever happens to them.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use wanbox_rig::ping::Ping;
use wanbox_rig::{
    Need, Netns, Result, Router, ensure, json as look, netns, uninterrupted, until, wait_for,
};

use self::paced::flooded;
use crate::test;

mod lab;
mod paced;
mod refusals;

pub const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];

/// The longest that anything here may take.
pub const LIMIT: Duration = Duration::from_secs(90);

/// The daemon of the master that every test uses.
pub const EQLD: &str = "eqld-eql";

pub fn tests() -> Vec<Trial> {
    let mut trials = vec![
        test("eqld::ethernets_with_a_next_hop", NEEDS, ethernets),
        test("eqld::a_silent_next_hop", NEEDS, silent),
        test("eqld::slaves_that_vanish", NEEDS, vanish),
        test(
            "eqld::a_slave_deleted_under_load",
            NEEDS,
            deleted_under_load,
        ),
        test("eqld::mtu_changes", NEEDS, mtu),
        test("eqld::the_formula_of_the_driver", NEEDS, priority),
        test("eqld::killed_and_taken_over", NEEDS, killed),
        test("eqld::ended_by_signals", NEEDS, ended),
        test("eqld::idle", NEEDS, idle),
    ];
    trials.extend(paced::tests());
    trials.extend(refusals::tests());
    trials.extend(lab::tests());
    trials
}

/// Starts a master with these options at an end (0 or 1), and gives it addresses.
pub fn start(router: &Router, n: usize, options: &str) -> Result {
    let log = router.path("/var/log/eqld");
    std::fs::create_dir_all(router.path("/var/log"))?;
    router.ok(&format!("eqld eql {options} --log-file {}", log.display()))?;
    addresses(router, n)
}

/// Gives the master addresses, and takes it up.
fn addresses(router: &Router, n: usize) -> Result {
    let (here, there) = (n + 1, 2 - n);
    let mut commands = vec![
        format!("addr add 10.1.0.{here} peer 10.1.0.{there} dev eql"),
        "link set eql up".to_owned(),
    ];
    // IPv6 is for links of at least that MTU (RFC 8200, 5).
    if look::number(&status(router)?, "/mtu")? >= 1280 {
        commands.push(format!("addr add fd00:e::{here}/64 dev eql nodad"));
    }
    for command in commands {
        router.netns.ip(&command)?;
    }
    Ok(())
}

pub fn status(router: &Router) -> Result<Value> {
    router.ask(EQLD, &json!({"op": "status"}))
}

/// Enslaves an interface by command, with these options.
pub fn enslave(router: &Router, slave: &str, rate: &str, options: &str) -> Result {
    router
        .ok(&format!("eql_enslave {options} eql {slave} {rate}"))
        .map_err(|error| explained(router, &error))?;
    Ok(())
}

/// A slave in the state of a master.
pub fn slave(router: &Router, name: &str) -> Result<Value> {
    let status = status(router)?;
    let slaves = status["slaves"].as_array().cloned().unwrap_or_default();
    let found = slaves.into_iter().find(|slave| slave["name"] == name);
    found.ok_or_else(|| wanbox_rig::Error::new(format!("no slave {name} in {status}")))
}

pub fn wait_state(router: &Router, name: &str, state: &str) -> Result {
    until(&format!("{name} to be {state}"), LIMIT, || {
        Ok(slave(router, name)?["state"] == state)
    })
    .map_err(|error| explained(router, &error))?;
    Ok(())
}

/// An error with what the master, the kernel and the log say.
pub fn explained(router: &Router, error: &wanbox_rig::Error) -> wanbox_rig::Error {
    let mut text = format!("{error}\n{:?}\n", status(router).ok());
    for words in ["neigh", "addr"] {
        match router.netns.ip(words) {
            Ok(shown) => text += &format!("--- ip {words}\n{shown}"),
            Err(error) => text += &format!("{error}\n"),
        }
    }
    wanbox_rig::Error::new(text + &router.logs())
}

/// What every slave has sent, octets.
fn sent(router: &Router) -> Result<BTreeMap<String, u64>> {
    let status = status(router)?;
    let slaves = status["slaves"].as_array().cloned().unwrap_or_default();
    slaves
        .iter()
        .map(|slave| {
            Ok((
                look::text(slave, "/name")?.to_owned(),
                look::number(slave, "/sent_octets")?,
            ))
        })
        .collect()
}

/// The octet at this place of the stream.
fn pattern(place: usize) -> u8 {
    (place ^ (place >> 8) ^ (place >> 16)) as u8
}

/// One TCP transfer of so many octets from a to b; they arrive as they were sent.
pub fn transfer(a: &Netns, b: &Netns, to: &str, octets: usize) -> Result {
    let to: SocketAddr = to.parse()?;
    let listener = b.inside(|| Ok(TcpListener::bind(to)?))?;
    thread::scope(|scope| {
        let receiver = scope.spawn(move || -> Result<usize> {
            // Not for ever, should nobody come.
            listener.set_nonblocking(true)?;
            let mut stream = wait_for("the connection", LIMIT, || match listener.accept() {
                Ok((stream, _)) => Ok(Some(stream)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
                Err(error) => Err(error.into()),
            })?;
            stream.set_nonblocking(false)?;
            stream.set_read_timeout(Some(LIMIT))?;
            let (mut place, mut chunk) = (0, [0; 65536]);
            loop {
                let count = uninterrupted(|| stream.read(&mut chunk))?;
                if count == 0 {
                    return Ok(place);
                }
                for octet in chunk.iter().take(count) {
                    ensure!(*octet == pattern(place), "octet {place} is wrong");
                    place += 1;
                }
            }
        });
        let mut stream = a.inside(|| Ok(TcpStream::connect_timeout(&to, LIMIT)?))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let all: Vec<u8> = (0..octets).map(pattern).collect();
        stream.write_all(&all)?;
        drop(stream);
        let received = receiver
            .join()
            .map_err(|_| wanbox_rig::Error::new("the receiver panicked"))??;
        ensure!(received == octets, "{received} of {octets} octets arrived");
        Ok(())
    })
}

/// Two routers joined by two Ethernets, with a master each; nothing is enslaved.
struct Ethernets {
    a: Router,
    b: Router,
}

impl Ethernets {
    fn new(options: &str) -> Result<Self> {
        let pair = Self {
            a: Router::new(&crate::wanbox())?,
            b: Router::new(&crate::wanbox())?,
        };
        for net in [1, 2] {
            pair.join(net)?;
        }
        for (n, router) in [&pair.a, &pair.b].into_iter().enumerate() {
            start(router, n, options)?;
        }
        Ok(pair)
    }

    /// Makes one of the Ethernets.
    fn join(&self, net: usize) -> Result {
        let name = format!("eth{net}");
        netns::veth(&self.a.netns, &name, &self.b.netns, &name)?;
        for (n, router) in [&self.a, &self.b].into_iter().enumerate() {
            for command in [
                format!("addr add 192.0.{net}.{}/24 dev {name}", n + 1),
                format!("addr add fd00:{net}::{}/64 dev {name} nodad", n + 1),
            ] {
                router.netns.ip(&command)?;
            }
        }
        until("the Ethernet to run", LIMIT, || {
            let links = self.a.netns.ip_json(&format!("link show {name}"))?;
            Ok(links[0]["operstate"] == "UP")
        })?;
        Ok(())
    }

    /// Enslaves both Ethernets at both ends: one by its IPv4, the other by its IPv6 neighbour.
    fn enslave(&self, options: &str) -> Result {
        for (n, router) in [&self.a, &self.b].into_iter().enumerate() {
            let there = 2 - n;
            for (name, hop) in [
                ("eth1", format!("192.0.1.{there}")),
                ("eth2", format!("fd00:2::{there}")),
            ] {
                enslave(router, name, "8M", &format!("{options} --via {hop}"))?;
            }
        }
        Ok(())
    }
}

fn ethernets() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    let (a, b) = (&pair.a, &pair.b);
    pair.enslave("")?;
    transfer(&a.netns, &b.netns, "10.1.0.2:9", 2_000_000)?;
    transfer(&a.netns, &b.netns, "[fd00:e::2]:9", 2_000_000)?;
    let shares = sent(a)?;
    let (one, two) = (shares["eth1"] as f64, shares["eth2"] as f64);
    ensure!((one / two - 1.0).abs() < 0.2, "{shares:?}");
    ensure!(
        slave(a, "eth2")?["next_hop"] == "fd00:2::2",
        "{}",
        slave(a, "eth2")?
    );
    // A neighbour with another hardware address, as the kernel learns it.
    b.netns.ip("link set eth1 address 02:00:00:00:00:77")?;
    a.netns
        .ip("neigh replace 192.0.1.2 lladdr 02:00:00:00:00:77 dev eth1 nud reachable")?;
    let before = sent(a)?;
    transfer(&a.netns, &b.netns, "10.1.0.2:9", 500_000)?;
    ensure!(sent(a)?["eth1"] > before["eth1"], "{:?}", sent(a)?);
    Ok(())
}

fn silent() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    let a = &pair.a;
    let refused = a.run("eql_enslave --via 192.0.1.99 eql eth1 1M")?;
    ensure!(
        refused.code == 1 && refused.stderr.contains("192.0.1.99 does not answer"),
        "a silent next hop: {refused:?}"
    );
    // A sticky slave waits for it.
    enslave(a, "eth1", "1M", "--sticky --via 192.0.1.99")?;
    wait_state(a, "eth1", "waiting")?;
    pair.b.netns.ip("addr add 192.0.1.99/24 dev eth1")?;
    wait_state(a, "eth1", "up")?;
    // And goes when it is silent.
    a.netns
        .ip("neigh replace 192.0.1.99 lladdr 02:00:00:00:00:99 dev eth1 nud failed")?;
    wait_state(a, "eth1", "waiting")?;
    wait_state(a, "eth1", "up")
}

fn vanish() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    let (a, b) = (&pair.a, &pair.b);
    pair.enslave("")?;
    a.netns.ip("link del eth1")?;
    wait_state(a, "eth1", "buried")?;
    wait_state(b, "eth1", "buried")?;
    transfer(&a.netns, &b.netns, "10.1.0.2:9", 300_000)?;
    // It comes back, but nobody takes it.
    pair.join(1)?;
    thread::sleep(Duration::from_millis(200));
    ensure!(slave(a, "eth1")?["state"] == "buried", "{}", status(a)?);
    enslave(a, "eth1", "8M", "--sticky --via 192.0.1.2")?;
    enslave(b, "eth1", "8M", "--sticky --via 192.0.1.1")?;
    wait_state(a, "eth1", "up")?;
    // Sticky ones are taken again: after being deleted, down, renamed.
    a.netns.ip("link del eth1")?;
    wait_state(a, "eth1", "waiting")?;
    pair.join(1)?;
    wait_state(a, "eth1", "up")?;
    wait_state(b, "eth1", "up")?;
    a.netns.ip("link set eth1 down")?;
    wait_state(a, "eth1", "waiting")?;
    a.netns.ip("link set eth1 name other1")?;
    a.netns.ip("link set other1 up")?;
    thread::sleep(Duration::from_millis(200));
    ensure!(slave(a, "eth1")?["state"] == "waiting", "{}", status(a)?);
    a.netns.ip("link set other1 down")?;
    a.netns.ip("link set other1 name eth1")?;
    a.netns.ip("link set eth1 up")?;
    wait_state(a, "eth1", "up")?;
    wait_state(b, "eth1", "up")?;
    let before = sent(a)?;
    transfer(&a.netns, &b.netns, "10.1.0.2:9", 300_000)?;
    ensure!(sent(a)?["eth1"] > before["eth1"], "{:?}", sent(a)?);
    accounted(a)?;
    // Both gone: packets are dropped and counted, and the master is as it was.
    for name in ["eth1", "eth2"] {
        a.ok(&format!("eql_emancipate eql {name}"))?;
    }
    let answers = Ping {
        count: 1,
        ..Ping::new("10.1.0.2")
    };
    ensure!(answers.send(&a.netns)? == 0, "a ping without slaves");
    let end = status(a)?;
    ensure!(
        end["dropped"]["no_slave"].as_u64() >= Some(1) && end["slaves"] == json!([]),
        "{end}"
    );
    Ok(())
}

/// Every packet that the host gave the master was sent, dropped or lost, and counted once. Some may
/// be on their way still, and the host has packets of its own to send at any time.
fn accounted(router: &Router) -> Result {
    until("every packet to be accounted for", LIMIT, || {
        accounted_now(router).map(|()| true)
    })?;
    Ok(())
}

fn accounted_now(router: &Router) -> Result {
    let links = router.netns.ip_json("-s link show eql")?;
    let given = look::number(&links, "/0/stats64/tx/packets")?;
    let status = status(router)?;
    let dropped = status["dropped"].as_object();
    let dropped: u64 = dropped
        .into_iter()
        .flat_map(|causes| causes.values())
        .filter_map(Value::as_u64)
        .sum();
    let slaves = status["slaves"].as_array().cloned().unwrap_or_default();
    let queued: u64 = slaves
        .iter()
        .filter_map(|s| s["queued_packets"].as_u64())
        .sum();
    let sent = look::number(&status, "/sent_packets")?;
    ensure!(
        given == sent + dropped + queued,
        "{given} given; {sent} sent, {dropped} dropped, {queued} queued: {status:#}"
    );
    Ok(())
}

/// A slave is deleted while both are flooded: what waited for it goes to the other, and nothing is
/// lost without being counted.
fn deleted_under_load() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    let a = &pair.a;
    enslave(a, "eth1", "4M", "--via 192.0.1.2")?;
    enslave(a, "eth2", "4M", "--via 192.0.2.2")?;
    let before = flooded(&a.netns, 1400, || {
        until("both to be busy", LIMIT, || {
            Ok(sent(a)?.values().all(|octets| *octets > 100_000))
        })?;
        a.netns.ip("link del eth1")?;
        wait_state(a, "eth1", "buried")?;
        let before = sent(a)?;
        until("the other to go on", LIMIT, || {
            Ok(sent(a)?["eth2"] > before["eth2"] + 100_000)
        })?;
        Ok(before)
    })?;
    ensure!(sent(a)?["eth1"] == before["eth1"], "{}", status(a)?);
    until("the queue to be empty", LIMIT, || {
        Ok(slave(a, "eth2")?["queued_packets"] == 0)
    })?;
    accounted(a)?;
    let gone = slave(a, "eth1")?;
    // Less than what its line takes in the time that packets may wait for it.
    let lost = look::number(&gone, "/lost/lost")?;
    ensure!(lost <= 40, "{gone:#}");
    Ok(())
}

fn mtu() -> Result {
    let pair = Ethernets::new("--mtu 1400")?;
    let a = &pair.a;
    let refused = pair.enslave("").err().map(|e| e.to_string());
    ensure!(
        refused
            .as_ref()
            .is_some_and(|t| t.contains("(1400) and slave eth1 (1500)")),
        "{refused:?}"
    );
    for router in [&pair.a, &pair.b] {
        router.netns.ip("link set eql mtu 1500")?;
        until("the new MTU", LIMIT, || Ok(status(router)?["mtu"] == 1500))?;
    }
    pair.enslave("--sticky")?;
    a.netns.ip("link set eth1 mtu 1200")?;
    wait_state(a, "eth1", "waiting")?;
    a.netns.ip("link set eql mtu 1200")?;
    wait_state(a, "eth1", "up")?;
    transfer(&a.netns, &pair.b.netns, "10.1.0.2:9", 100_000)
}

fn priority() -> Result {
    let pair = Ethernets::new("--mtu 1500 --scheduler priority")?;
    let (a, b) = (&pair.a, &pair.b);
    // Nothing of the host's own.
    a.netns.ip("link set eql addrgenmode none")?;
    a.netns.ip("addr flush dev eql scope link")?;
    for (name, bps) in [("eth1", "800k"), ("eth2", "8k")] {
        let hop = if name == "eth1" {
            "192.0.1.2"
        } else {
            "192.0.2.2"
        };
        enslave(a, name, bps, &format!("--via {hop}"))?;
    }
    ensure!(status(a)?["scheduler"] == "priority", "{}", status(a)?);
    let socket = a.netns.inside(|| Ok(UdpSocket::bind("10.1.0.1:9")?))?;
    let _sink = b.netns.inside(|| Ok(UdpSocket::bind("10.1.0.2:9")?))?;
    // Loads of 1000 octets of IP: -100000 and -1000 at first, 8000 more with each packet. Up to the
    // 13th the first has less; then they take turns, until the next tick.
    let counts = |router: &Router| -> Result<(u64, u64)> {
        let of = |name| look::number(&slave(router, name)?, "/sent_packets");
        Ok((of("eth1")?, of("eth2")?))
    };
    let mut seen = Vec::new();
    // On a busy machine a tick may come between.
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        // Two ticks, so that nothing counts as queued.
        thread::sleep(Duration::from_millis(2100));
        let (one, two) = counts(a)?;
        for _ in 0..20 {
            socket.send_to(&[0; 972], "10.1.0.2:9")?;
        }
        until("all packets to be sent", LIMIT, || {
            let now = counts(a)?;
            Ok(now.0 + now.1 - one - two >= 20)
        })?;
        let now = counts(a)?;
        seen.push((now.0 - one, now.1 - two));
        if seen.contains(&(16, 4)) {
            return Ok(());
        }
    }
    // 13 to the first; then second, first, second, first, second, first, second.
    Err(wanbox_rig::Error::new(format!("{seen:?}, never 16 and 4")))
}

fn killed() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    let (a, b) = (&pair.a, &pair.b);
    pair.enslave("--sticky")?;
    a.ok("eql_tune eql --max-slaves 7")?;
    let before = a.daemon(EQLD)?;
    a.signal(EQLD, Signal::SIGKILL)?;
    until("the daemon to be gone", LIMIT, || {
        Ok(!std::path::Path::new(&format!("/proc/{before}")).exists())
    })?;
    for command in ["eql_status eql", "eql_emancipate eql eth1"] {
        let gone = a.run(command)?;
        ensure!(gone.code == 3, "a killed daemon answers: {gone:?}");
    }
    // Addresses and slaves are as they were; one that went since is waited for.
    a.netns.ip("link del eth2")?;
    a.ok("eqld eql")?;
    ensure!(a.daemon(EQLD)? != before, "the same process");
    wait_state(a, "eth1", "up")?;
    wait_state(a, "eth2", "waiting")?;
    pair.join(2)?;
    wait_state(a, "eth2", "up")?;
    let now = status(a)?;
    ensure!(
        now["max_slaves"] == 7 && now["mtu"] == 1500 && now["up"] == true,
        "{now}"
    );
    ensure!(slave(a, "eth1")?["sticky"] == true, "{now}");
    let shown: Value = serde_json::from_str(&a.ok("eql_status --json eql")?)?;
    for key in ["master", "pid", "mtu", "scheduler", "max_slaves"] {
        ensure!(shown[key] == now[key], "{key}: {shown} and {now}");
    }
    ensure!(
        shown["slaves"].as_array().map(Vec::len) == Some(2),
        "{shown}"
    );
    transfer(&a.netns, &b.netns, "10.1.0.2:9", 300_000)
}

fn ended() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    let a = &pair.a;
    pair.enslave("")?;
    let second = a.run("eqld eql")?;
    ensure!(
        second.code == 1 && second.stderr.contains("already running as process"),
        "{second:?}"
    );
    a.signal(EQLD, Signal::SIGHUP)?;
    let path = a.path("/run/wanbox/eqld-eql.sock");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "the socket has mode {mode:o}");
    a.signal(EQLD, Signal::SIGTERM)?;
    until("the master to be gone", LIMIT, || {
        Ok(a.netns.ip("link show eql").is_err())
    })?;
    until("its files to be gone", LIMIT, || {
        let left = std::fs::read_dir(a.path("/run/wanbox"))?
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("eql"))
            .count();
        Ok(left == 0)
    })?;
    // The slaves are free: another master may have them.
    start(a, 0, "--mtu 1500")?;
    enslave(a, "eth1", "1M", "--via 192.0.1.2")?;
    // A master that somebody deletes has nothing left to do.
    a.netns.ip("link del eql")?;
    until("the daemon to end", LIMIT, || {
        Ok(!a.path("/run/wanbox/eqld-eql.pid").exists())
    })?;
    // Its last word comes when its files are gone.
    until("its reason", LIMIT, || {
        Ok(a.logs().contains("the interface was deleted"))
    })?;
    // In the foreground the reason is on standard error, and the code says so.
    let mut child = a.spawn("eqld eql -f")?;
    until("the master", LIMIT, || Ok(status(a).is_ok()))?;
    a.signal(EQLD, Signal::SIGINT)?;
    ensure!(child.wait()?.success(), "ended by SIGINT");
    Ok(())
}

/// Wake-ups of a daemon so far: voluntary context switches.
fn wake_ups(router: &Router) -> Result<u64> {
    let pid = router.daemon(EQLD)?;
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Ok(line.unwrap_or_default().trim().parse()?)
}

fn idle() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    pair.enslave("")?;
    transfer(&pair.a.netns, &pair.b.netns, "10.1.0.2:9", 100_000)?;
    // The kernel has neighbours of its own to ask, and says so: some window has nothing of that.
    let deadline = Instant::now() + LIMIT;
    loop {
        let before = wake_ups(&pair.a)?;
        thread::sleep(Duration::from_secs(3));
        let woken = wake_ups(&pair.a)? - before;
        if woken == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{woken} wake-ups in 3 s");
    }
}
