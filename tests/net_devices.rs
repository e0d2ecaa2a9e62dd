//! The devices of `net` and the host's kernel: datagrams both ways, connections, tunnels, lines that go and
//! come back.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use wanbox_rig::ping::Ping;
use wanbox_rig::run::finish;
use wanbox_rig::{Error, Finished, Need, Netns, Result, Running, TempDir, ensure, netns, until};

use crate::echoes::{connect, echoed};
use crate::{test, wanbox};

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];
const LIMIT: Duration = Duration::from_secs(60);

pub fn tests() -> Vec<Trial> {
    vec![
        test("net_devices::pings_through_ni", NEEDS, pings),
        test("net_devices::connections_through_ni", NEEDS, connections),
        test("net_devices::many_connections", NEEDS, many_connections),
        test("net_devices::forwards_between_interfaces", NEEDS, forwards),
        test("net_devices::ethernet", NEEDS, ethernet),
        test("net_devices::tunnels", NEEDS, tunnels),
        test(
            "net_devices::lines_go_and_come_back",
            &[Need::Namespaces, Need::Tool("socat")],
            lines,
        ),
        test(
            "net_devices::two_stations_by_slip",
            &[
                Need::Namespaces,
                Need::Tun,
                Need::Tool("ip"),
                Need::Tool("socat"),
            ],
            two_stations,
        ),
        test("net_devices::captures", NEEDS, captures),
    ]
}

/// A running station.
pub struct Station {
    dir: TempDir,
    /// The process.
    pub running: Running,
}

impl Station {
    /// Starts one with these commands, and waits until they were run.
    pub fn start(netns: &Netns, commands: &str) -> Result<Self> {
        let dir = TempDir::new()?;
        // Devices are those of the machine.
        std::os::unix::fs::symlink("/dev", dir.path().join("dev"))?;
        fs::write(dir.path().join("net.rc"), commands)?;
        let station = Self {
            running: Self::spawn(netns, &dir)?,
            dir,
        };
        station.ready()?;
        Ok(station)
    }

    fn spawn(netns: &Netns, dir: &TempDir) -> Result<Running> {
        let log = fs::File::create(dir.path().join("log"))?;
        let mut command = Command::new(wanbox());
        command
            .arg("net")
            .arg(dir.path().join("net.rc"))
            .env("WANBOX_ROOT", dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(netns.spawn(&mut command)?.into())
    }

    /// Waits until its commands were run.
    fn ready(&self) -> Result {
        until("the station", LIMIT, || {
            Ok(self.run(&["hostname"])?.code == 0)
        })?;
        let said = fs::read_to_string(self.dir.path().join("log"))?;
        ensure!(!said.contains("input line"), "{said}");
        Ok(())
    }

    /// Starts it again, with its files as it left them.
    pub fn restart(&mut self, netns: &Netns) -> Result {
        self.running = Self::spawn(netns, &self.dir)?;
        self.ready()
    }

    /// Gives it commands.
    pub fn run(&self, commands: &[&str]) -> Result<Finished> {
        let mut command = Command::new(wanbox());
        command.arg("net").env("WANBOX_ROOT", self.dir.path());
        for line in commands {
            command.args(["-e", line]);
        }
        finish(&mut command, LIMIT)
    }

    /// Where its file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Gives it a command that must succeed; what it prints.
    pub fn says(&self, command: &str) -> Result<String> {
        self.run(&[command])?.ok()
    }

    /// Pings of the host that it has to be answered.
    fn ping(&self, host: &str, length: u32) -> Result {
        let said = self.says(&format!("ping {host} {length}"))?;
        let answered = said.contains("echo reply");
        ensure!(answered, "{length} octets to {host}: {said}");
        Ok(())
    }

    fn is_up(&self, name: &str) -> Result<bool> {
        Ok(self.says(&format!("asystat {name}"))?.contains("[UP]"))
    }
}

/// The beginning of a station with the host as its neighbour.
const NI: &str =
    "ip address 10.9.0.1\nattach ni ni0 10.9.0.2 255.255.255.0\nroute add 10.9.0.2 ni0\n";

fn pings() -> Result {
    let netns = Netns::new()?;
    let mut station = Station::start(&netns, NI)?;
    for size in [0, 8, 56, 1000, 1472, 1473, 3000, 20_000, 65_000] {
        Ping {
            size,
            count: 2,
            ..Ping::new("10.9.0.1")
        }
        .all(&netns)?;
    }
    for length in [16, 100, 1480, 1481, 9000, 32_767] {
        station.ping("10.9.0.2", length)?;
    }
    let shown = station.says("ifconfig ni0")?;
    ensure!(shown.contains("MTU 1500 Link encap None"), "{shown}");
    let route = netns.ip("route show 10.9.0.0/24")?;
    ensure!(route.contains("dev ni0"), "{route}");
    // Nothing is left of one that is killed.
    station.running.signal(Signal::SIGKILL)?;
    station.running.end(LIMIT)?;
    let left = netns.ip("-o link show")?;
    ensure!(!left.contains("ni0"), "{left}");
    Ok(())
}

/// Octets that repeat late.
fn data(len: usize, seed: u32) -> Vec<u8> {
    let mut value = seed | 1;
    (0..len)
        .map(|_| {
            value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (value >> 24) as u8
        })
        .collect()
}

const STATION: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);

fn connections() -> Result {
    let netns = Netns::new()?;
    let station = Station::start(&netns, &format!("{NI}tcp window 65535\nstart echo\n"))?;
    netns.inside(|| echoed(&connect((STATION, 7))?, 20_000_000))?;
    let shown = station.says("ifconfig ni0")?;
    ensure!(
        !shown.contains("refused") && !shown.contains("no_room"),
        "{shown}"
    );
    Ok(())
}

fn many_connections() -> Result {
    let netns = Netns::new()?;
    let station = Station::start(&netns, &format!("{NI}start echo\n"))?;
    netns.inside(|| {
        for number in 0..1000 {
            echoed(&connect((STATION, 7))?, 100 + number)?;
        }
        // A server has some of one host at once.
        thread::scope(|scope| {
            let at_once: Vec<_> = (0..8)
                .map(|number| {
                    scope.spawn(move || echoed(&connect((STATION, 7))?, 100_000 + number))
                })
                .collect();
            at_once.into_iter().try_for_each(|one| {
                let ended = one.join();
                ended.map_err(|_| Error::new("a client failed"))?
            })
        })
    })?;
    until("the end of all connections", LIMIT, || {
        Ok(!station.says("tcp status")?.contains("Established"))
    })?;
    Ok(())
}

fn forwards() -> Result {
    let (middle, a, b) = (Netns::new()?, Netns::new()?, Netns::new()?);
    let station = Station::start(
        &middle,
        "ip address 10.1.0.1\nattach tun ta\nip address 10.2.0.1\nattach tun tb 1400\n\
         route add 10.1.0.0/24 ta\nroute add 10.2.0.0/24 tb\n",
    )?;
    for (netns, name, net) in [(&a, "ta", 1), (&b, "tb", 2)] {
        middle.ip(&format!("link set {name} netns {}", netns.path()))?;
        netns.ip("link set lo up")?;
        netns.ip(&format!("link set {name} up"))?;
        netns.ip(&format!("addr add 10.{net}.0.2/24 dev {name}"))?;
        netns.ip(&format!("route add default dev {name}"))?;
    }
    for size in [0, 1000, 1372, 1373, 1472, 1473, 10_000] {
        let options = &["-M", "dont"];
        Ping {
            size,
            options,
            count: 2,
            ..Ping::new("10.2.0.2")
        }
        .all(&a)?;
    }
    // Super-packets of one kernel pass to the other whole; those of the longer MTU are told of the shorter.
    let listener = b.inside(|| Ok(TcpListener::bind("10.2.0.2:7")?))?;
    let server = thread::spawn(move || -> std::io::Result<u64> {
        let (mut from, _) = listener.accept()?;
        let mut to = from.try_clone()?;
        let octets = std::io::copy(&mut from, &mut to)?;
        to.shutdown(Shutdown::Write)?;
        Ok(octets)
    });
    let sent = 30_000_000;
    a.inside(|| echoed(&connect((Ipv4Addr::new(10, 2, 0, 2), 7))?, sent))?;
    let octets = server
        .join()
        .map_err(|_| Error::new("the server failed"))??;
    ensure!(octets == sent, "{octets} octets");
    let status = station.says("ip status")?;
    ensure!(!status.is_empty(), "no status");
    Ok(())
}

fn ethernet() -> Result {
    let netns = Netns::new()?;
    let station = Station::start(
        &netns,
        "ip address 10.9.0.1\nattach ethertap tap0\nifconfig tap0 netmask 255.255.255.0\nstart echo\n",
    )?;
    netns.ip("link set tap0 up")?;
    netns.ip("addr add 10.9.0.2/24 dev tap0")?;
    for size in [56, 5000] {
        Ping {
            size,
            ..Ping::new("10.9.0.1")
        }
        .all(&netns)?;
    }
    station.ping("10.9.0.2", 3000)?;
    netns.inside(|| echoed(&connect((STATION, 7))?, 1_000_000))?;
    let neighbour = netns.ip("neigh show 10.9.0.1")?;
    let arp = station.says("arp")?;
    ensure!(arp.contains("10.9.0.2"), "{arp}");
    ensure!(neighbour.contains("lladdr"), "{neighbour}");
    Ok(())
}

/// Two hosts, each with a station, and the stations' tunnel between the hosts.
fn tunnels() -> Result {
    for outer in ["ip", "ip 94", "udp 9400"] {
        let hosts = [Netns::new()?, Netns::new()?];
        let [one, two] = &hosts;
        netns::veth(one, "e0", two, "e0")?;
        let mut stations = Vec::new();
        for (netns, this, other) in [(one, 1, 2), (two, 2, 1)] {
            netns.ip(&format!("addr add 192.0.2.{this}/24 dev e0"))?;
            stations.push(Station::start(
                netns,
                &format!(
                    "ip address 44.{this}.0.1\nattach ni ni0 44.{this}.0.2 255.0.0.0\n\
                     attach ipip ipip {outer}\nroute add 44.{this}.0.2 ni0\n\
                     route add 44.{other}.0.0/16 ipip 192.0.2.{other}\n"
                ),
            )?);
        }
        for size in [56, 1400, 4000] {
            Ping {
                size,
                ..Ping::new("44.2.0.2")
            }
            .all(one)?;
            Ping {
                size,
                ..Ping::new("44.1.0.1")
            }
            .all(two)?;
        }
        let listener = two.inside(|| Ok(TcpListener::bind("44.2.0.2:9")?))?;
        let sent = data(1_000_000, 3);
        let server = thread::spawn(move || -> std::io::Result<Vec<u8>> {
            let mut got = Vec::new();
            listener.accept()?.0.read_to_end(&mut got)?;
            Ok(got)
        });
        one.inside(|| Ok(TcpStream::connect("44.2.0.2:9")?.write_all(&sent)?))?;
        let got = server
            .join()
            .map_err(|_| Error::new("the server failed"))??;
        ensure!(got == sent, "{outer}: {} octets came", got.len());
        // Nobody was asked to learn.
        for station in &stations {
            let routes = station.says("route")?;
            ensure!(!routes.contains("/32 ipip"), "{routes}");
        }
    }
    Ok(())
}

/// Two serial ports that a cable joins.
pub fn cable(netns: &Netns, ends: &[PathBuf; 2]) -> Result<Running> {
    let socat = wanbox_rig::need::find_tool("socat").ok_or_else(|| Error::new("no socat"))?;
    let mut socat = Command::new(socat);
    for end in ends {
        socat.arg(format!("PTY,link={},raw,echo=0", end.display()));
    }
    let running = netns.spawn(&mut socat)?.into();
    until("the line", LIMIT, || {
        Ok(ends.iter().all(|end| end.exists()))
    })?;
    Ok(running)
}

/// A host, its station, a serial line with SLIP, another station.
fn two_stations() -> Result {
    let netns = Netns::new()?;
    let dir = TempDir::new()?;
    let ends = ["a", "b"].map(|name| dir.path().join(name));
    let _line = cable(&netns, &ends)?;
    let slip = |end: &Path| format!("attach asy {} 0 slip sl0 0 576 38400\n", end.display());
    let near = format!(
        "{NI}ip address 44.0.0.1\n{}route add 44.0.0.2 sl0\n",
        slip(&ends[0])
    );
    let far = format!(
        "ip address 44.0.0.2\n{}route add default sl0\nstart echo\n",
        slip(&ends[1])
    );
    let near = Station::start(&netns, &near)?;
    let far = Station::start(&netns, &far)?;
    netns.ip("route add 44.0.0.2 dev ni0")?;
    netns.inside(|| echoed(&connect((Ipv4Addr::new(44, 0, 0, 2), 7))?, 300_000))?;
    near.ping("44.0.0.2", 2000)?;
    let shown = far.says("ifconfig sl0")?;
    ensure!(shown.contains("MTU 576 Link encap SLIP"), "{shown}");
    Ok(())
}

fn lines() -> Result {
    let netns = Netns::new()?;
    netns.ip("link set lo up")?;
    let dir = TempDir::new()?;
    let ends = ["a", "b"].map(|name| dir.path().join(name));
    let join = || cable(&netns, &ends);
    let mut line = join()?;
    let mut stations = Vec::new();
    for (this, other, end, auto) in [(1, 2, &ends[0], ""), (2, 1, &ends[1], " auto")] {
        stations.push(Station::start(
            &netns,
            &format!(
                "ip address 44.0.0.{this}\nattach asy {} 0 vjslip sl0 0 576 38400{auto}\n\
                 route add 44.0.0.{other} sl0\nstart echo\n",
                end.display()
            ),
        )?);
    }
    let [one, two] = &stations[..] else {
        return Err(Error::new("two stations"));
    };
    one.ping("44.0.0.2", 2000)?;
    two.ping("44.0.0.1", 100)?;
    let speed = one.says("param sl0 speed")?;
    ensure!(speed == "Speed: 38400\n", "{speed}");
    // The line is cut: both are down; one comes back by itself.
    line.signal(Signal::SIGTERM)?;
    line.end(LIMIT)?;
    until("both down", LIMIT, || {
        Ok(!one.is_up("sl0")? && !two.is_up("sl0")?)
    })?;
    let up = one.says("param sl0 Up")?;
    ensure!(up == "Up: 0\n", "{up}");
    let _line = join()?;
    until("one up", LIMIT, || two.is_up("sl0"))?;
    ensure!(!one.is_up("sl0")?, "it was not to come back by itself");
    let up = one.says("param sl0 Up")?;
    ensure!(up == "Up: 1\n", "{up}");
    one.ping("44.0.0.2", 200)?;
    let shown = one.says("ifconfig sl0")?;
    ensure!(
        shown.contains(" Cmp, ") && shown.contains(" Misses"),
        "{shown}"
    );
    Ok(())
}

/// What passes is in a file that other programs read.
fn captures() -> Result {
    let netns = Netns::new()?;
    let station = Station::start(&netns, &format!("{NI}trace ni0 11 /net.pcap\n"))?;
    let file = station.dir.path().join("net.pcap");
    Ping::new("10.9.0.1").all(&netns)?;
    let octets = fs::read(file)?;
    let reader = wanbox_wire::pcap::Reader::new(&octets).map_err(|e| Error::new(e.to_string()))?;
    let mut pings = 0;
    for record in reader {
        let record = record.map_err(|error| Error::new(error.to_string()))?;
        pings += usize::from(record.frame.get(9) == Some(&1));
    }
    ensure!(pings == 6, "{pings} messages of ICMP");
    Ok(())
}
