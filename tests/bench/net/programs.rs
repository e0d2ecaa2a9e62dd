//! The stations, each with its own network.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use wanbox_rig::temp::TempDir;
use wanbox_rig::{Error, Netns, Result, need, until};

use super::network;

/// The host's address on its TUN, and the station's.
const HOST: &str = "10.9.0.1";
const STATION: &str = "10.9.0.2";
const TUN: &str = "bench0";
/// The other side of a forwarder.
const FAR: &str = "bench1";
const FAR_HOST: &str = "10.9.1.1";
const FAR_STATION: &str = "10.9.1.2";
const START: Duration = Duration::from_secs(20);

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// wanbox's station; with the TUN's offloads as it ships, or without.
    Net { offload: bool },
    /// A station of smoltcp's stack.
    Smoltcp,
    /// A program that copies packets.
    Copy,
}

impl Kind {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Net { .. } => "wanbox",
            Self::Smoltcp => "smoltcp",
            Self::Copy => "copier",
        }
    }
}

/// A program, ended when dropped.
struct Program {
    child: Child,
    /// Its files, while it runs.
    _files: TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program that keeps to one processor where there are others for those who measure.
fn spawn(netns: &Netns, program: &Path, words: &[&str], startup: &str) -> Result<Program> {
    let files = TempDir::new()?;
    let mut command = match need::find_tool("taskset") {
        Some(taskset) if std::thread::available_parallelism()?.get() > 1 => {
            let mut command = Command::new(taskset);
            command.args(["-c", "0"]).arg(program);
            command
        }
        _ => Command::new(program),
    };
    if startup.is_empty() {
        command.args(words);
    } else {
        let file = files.path().join("net.rc");
        std::fs::write(&file, startup)?;
        command
            .args(words)
            .arg("--root")
            .arg(files.path())
            .arg(file);
    }
    let child = netns.spawn(command.stdin(Stdio::null()).stdout(Stdio::null()))?;
    Ok(Program {
        child,
        _files: files,
    })
}

fn peer() -> Result<std::path::PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("net-peer"))
}

/// Waits for an interface of a program, and gives it the host's end of the link.
fn host_end(netns: &Netns, tun: &str, address: &str) -> Result {
    until(tun, START, || {
        Ok(netns.ip(&format!("link show {tun}")).is_ok())
    })?;
    netns.ip(&format!("addr replace {address}/24 dev {tun}"))?;
    netns.ip(&format!("link set {tun} mtu 1500 up"))?;
    Ok(())
}

/// How `net` gets an interface, and whether it cuts segments itself.
fn attach(offload: bool, tun: &str, host: &str) -> String {
    let offload = if offload { "on" } else { "off" };
    format!("attach ni {tun} {host} 255.255.255.0\nifconfig {tun} offload {offload}\n")
}

/// A station that has one service, and the host it is on.
pub struct Station {
    /// Its host.
    pub netns: Netns,
    program: Program,
    port: u16,
}

impl Station {
    /// Starts it, and waits until it answers.
    pub fn start(wanbox: &Path, kind: Kind, service: &str, connections: usize) -> Result<Self> {
        let netns = network()?;
        let port = if service == "echo" { 7 } else { 9 };
        let program = match kind {
            Kind::Net { offload } => {
                let startup = format!(
                    "ip address {STATION}\n{}route add {HOST}/24 {TUN}\ntcp mss 1460\ntcp window 65535\nstart {service} {port} {}\n",
                    attach(offload, TUN, HOST),
                    connections + 64
                );
                spawn(&netns, wanbox, &["net", "-g"], &startup)?
            }
            Kind::Smoltcp => {
                // One more than are open: the one that sees whether it answers may still be closing.
                let (port, sockets) = (port.to_string(), (connections + 8).to_string());
                let words = ["smoltcp", TUN, STATION, service, &port, &sockets];
                spawn(&netns, &peer()?, &words, "")?
            }
            Kind::Copy => return Err(Error::new("a copier has no services")),
        };
        host_end(&netns, TUN, HOST)?;
        if kind == (Kind::Net { offload: false }) {
            // Then the kernel cuts segments and makes checksums too, as it does for smoltcp.
            let ethtool = need::find_tool("ethtool");
            let mut command =
                Command::new(ethtool.ok_or_else(|| Error::new("ethtool is missing"))?);
            command.args(["-K", TUN, "tx", "off", "tso", "off"]);
            netns.finish(&mut command, START)?.ok()?;
        }
        let station = Self {
            netns,
            program,
            port,
        };
        let to = station.address();
        until("the station", START, || {
            station.netns.inside(|| {
                Ok(std::net::TcpStream::connect_timeout(&to, Duration::from_secs(1)).is_ok())
            })
        })?;
        Ok(station)
    }

    /// Where its service is.
    pub fn address(&self) -> SocketAddr {
        let octets = [10, 9, 0, 2];
        SocketAddr::from((octets, self.port))
    }

    /// Time that its own code has had of the processor, without the kernel's work for it.
    pub fn user_time(&self) -> Result<Duration> {
        Ok(wanbox_rig::times(self.program.child.id())?.user)
    }

    /// Memory that it has in use, octets.
    pub fn resident(&self) -> Result<u64> {
        wanbox_rig::resident(self.program.child.id())
    }
}

/// Something between two networks.
pub struct Forwarder {
    /// Where packets are sent.
    pub near: Netns,
    /// Where they arrive.
    pub far: Netns,
    _program: Program,
}

impl Forwarder {
    /// Starts it. Its second interface is moved to a network of its own.
    pub fn start(wanbox: &Path, kind: Kind) -> Result<Self> {
        let (near, far) = (network()?, network()?);
        let program = match kind {
            Kind::Net { offload } => {
                let startup = format!(
                    "ip address {STATION}\n{}{}ifconfig {FAR} ipaddress {FAR_STATION}\nroute add {HOST}/24 {TUN}\nroute add {FAR_HOST}/24 {FAR}\n",
                    attach(offload, TUN, HOST),
                    attach(offload, FAR, FAR_HOST),
                );
                spawn(&near, wanbox, &["net", "-g"], &startup)?
            }
            Kind::Copy => spawn(&near, &peer()?, &["copy", TUN, FAR], "")?,
            Kind::Smoltcp => return Err(Error::new("smoltcp's stack does not forward")),
        };
        until(FAR, START, || {
            Ok(near.ip(&format!("link show {FAR}")).is_ok())
        })?;
        near.ip(&format!("link set {FAR} netns {}", far.path()))?;
        host_end(&near, TUN, HOST)?;
        host_end(&far, FAR, FAR_HOST)?;
        near.ip(&format!("route replace 10.9.1.0/24 via {STATION}"))?;
        far.ip(&format!("route replace 10.9.0.0/24 via {FAR_STATION}"))?;
        Ok(Self {
            near,
            far,
            _program: program,
        })
    }

    /// Where the receiver is.
    pub fn to(&self) -> SocketAddr {
        let octets = [10, 9, 1, 1];
        SocketAddr::from((octets, 5002))
    }
}
