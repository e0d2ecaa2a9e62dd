//! Lines that are a stream of octets: TCP connections, pseudo-terminals, serial ports.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use wanbox_rig::need::find_tool;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Need, Result, Router, TempDir, ensure, netns, until};
use wanbox_runtime::packet::PacketSocket;
use wanbox_wire::lapb::ethernet;

use crate::network::{DEVICE, End, UP, install};
use crate::{test, wanbox};

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];
const WITH_SOCAT: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
    Need::Tool("socat"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("lines::frame_relay_over_tcp", NEEDS, || {
            over_tcp(
                &End::frame_relay("NODE", "ANSI", &[16]),
                &End::frame_relay("CPE", "ANSI", &[16]),
            )
        }),
        test("lines::cisco_hdlc_over_tcp", NEEDS, || {
            over_tcp(&End::cisco_hdlc(), &End::cisco_hdlc())
        }),
        test("lines::cisco_hdlc_over_serial_ports", NEEDS, || {
            over_serial(&End::cisco_hdlc(), &End::cisco_hdlc())
        }),
        test("lines::frame_relay_over_serial_ports", NEEDS, || {
            over_serial(
                &End::frame_relay("NODE", "Q933", &[16]),
                &End::frame_relay("CPE", "Q933", &[16]),
            )
        }),
        test("lines::two_ptys_joined_by_socat", WITH_SOCAT, joined),
        test("lines::lapbether_beside_others", NEEDS, lapbether),
        test("lines::noise_is_counted", NEEDS, noise),
        test("lines::bad_input", NEEDS, bad_input),
    ]
}

/// Two routers with these lines and an Ethernet between them, started.
struct Ends {
    a: Router,
    b: Router,
}

impl Ends {
    fn new(a: &End, line_a: &str, b: &End, line_b: &str) -> Result<Self> {
        let ends = Self {
            a: Router::new(&wanbox())?,
            b: Router::new(&wanbox())?,
        };
        netns::veth(&ends.a.netns, "eth0", &ends.b.netns, "eth0")?;
        for (n, (router, end, line)) in [(&ends.a, a, line_a), (&ends.b, b, line_b)]
            .into_iter()
            .enumerate()
        {
            router.netns.ip("link set lo up")?;
            router
                .netns
                .ip(&format!("addr add 192.0.2.{}/24 dev eth0", n + 1))?;
            install(router, end, line, n)?;
        }
        Ok(ends)
    }

    fn start(&self) -> Result {
        self.a.ok("wanrouter start")?;
        self.b.ok("wanrouter start")?;
        Ok(())
    }

    fn wait_up(&self, end: &End) -> Result {
        until("the link to come up", UP, || {
            Ok([&self.a, &self.b].iter().all(|router| {
                end.channels
                    .iter()
                    .all(|channel| router.is_channel_up(DEVICE, &channel.name()))
            }))
        })
        .map_err(|error| {
            let mut text = error.to_string();
            for router in [&self.a, &self.b] {
                match router.status(DEVICE) {
                    Ok(status) => text += &format!("\n{status:#}"),
                    Err(error) => text += &format!("\n{error}"),
                }
                text += &format!("\n{}", router.logs());
            }
            wanbox_rig::Error::new(text)
        })?;
        Ok(())
    }

    /// Pings of all sizes, both ways.
    fn pings(&self, end: &End) -> Result {
        let net = end.channels[0].dlci.unwrap_or(1);
        for size in [0, 56, 1472] {
            for (from, to) in [(&self.a, 2), (&self.b, 1)] {
                Ping {
                    size,
                    ..Ping::new(&format!("10.0.{net}.{to}"))
                }
                .all(&from.netns)?;
            }
        }
        Ok(())
    }
}

fn over_tcp(a: &End, b: &End) -> Result {
    let ends = Ends::new(
        a,
        "tcp-listen:192.0.2.1:7000 source=192.0.2.0/24",
        b,
        "tcp:192.0.2.1:7000",
    )?;
    // The one that calls is there first: it calls again until it is answered.
    ends.b.ok("wanrouter start")?;
    until("a call that was refused", UP, || {
        Ok(counter(&ends.b, "stream_failures")? > 0)
    })?;
    let reason = ends.b.status(DEVICE)?["reason"].clone();
    ensure!(
        reason.as_str().is_some_and(|r| r.contains("refused")),
        "{reason}"
    );
    ends.a.ok("wanrouter start")?;
    ends.wait_up(a)?;
    ends.pings(a)?;
    // Whoever of the two is killed: the link comes back when it is started again.
    for router in [&ends.a, &ends.b] {
        router.signal(DEVICE, Signal::SIGKILL)?;
        until("the killed daemon to be gone", UP, || {
            Ok(router.run("wanrouter start")?.code == 0)
        })?;
        ends.wait_up(a)?;
        ends.pings(a)?;
    }
    // A cut hangs up, and the other end learns of it.
    ends.b.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    until("the carrier to be lost", UP, || {
        Ok(ends.a.status(DEVICE)?["carrier"] == false)
    })?;
    ends.b.ok(&format!("wanconfig card {DEVICE} line join"))?;
    ends.wait_up(a)?;
    // A stranger is turned away, and disturbs nobody.
    ends.a.netns.ip("addr add 198.51.100.1/24 dev eth0")?;
    ends.b.netns.ip("addr add 198.51.100.2/24 dev eth0")?;
    let before = counter(&ends.a, "stream_turned_away")?;
    let _stranger = ends.b.netns.inside(|| {
        let socket = std::net::UdpSocket::bind("198.51.100.2:0")?;
        drop(socket);
        let stream = bound("198.51.100.2", "192.0.2.1:7000")?;
        Ok(stream)
    })?;
    until("the stranger to be turned away", UP, || {
        Ok(counter(&ends.a, "stream_turned_away")? > before)
    })?;
    ends.pings(a)
}

/// A connection from this address of ours.
fn bound(from: &str, to: &str) -> Result<TcpStream> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
    use std::os::fd::AsRawFd;
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    let from: SockaddrIn = format!("{from}:0").parse()?;
    let to: SockaddrIn = to.parse()?;
    bind(fd.as_raw_fd(), &from)?;
    connect(fd.as_raw_fd(), &to)?;
    Ok(fd.into())
}

/// A counter of a device by its name, whichever group it is in.
fn counter(router: &Router, name: &str) -> Result<u64> {
    let text = router.ok(&format!("wanconfig card {DEVICE} counters --json"))?;
    let all = wanbox_rig::json::parse(&text)?;
    let groups = all
        .as_object()
        .into_iter()
        .flat_map(|groups| groups.values());
    groups
        .filter_map(|group| group.get(name)?.as_u64())
        .next()
        .ok_or_else(|| wanbox_rig::Error::new(format!("no counter {name}: {text}")))
}

/// A pseudo-terminal at one end is the serial port of the other.
fn over_serial(a: &End, b: &End) -> Result {
    let shared = TempDir::new()?;
    let port = shared.path().join("port");
    let ends = Ends::new(
        a,
        "pty:/dev/line",
        b,
        &format!("tty:{} dcd=watch", port.display()),
    )?;
    ends.a.ok("wanrouter start")?;
    std::os::unix::fs::symlink(ends.a.path("/dev/line"), &port)?;
    let status = ends.a.status(DEVICE)?;
    ensure!(
        status["carrier"] == false
            && status["reason"]
                .as_str()
                .is_some_and(|r| r.contains("nobody has the slave open")),
        "{status}"
    );
    ends.b.ok("wanrouter start")?;
    ends.wait_up(a)?;
    ends.pings(a)?;
    let locks = fs::read_dir(ends.b.path("/var/lock"))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("LCK.."))
        .count();
    ensure!(locks == 1, "{locks} lock files");
    // The far end goes: a hang-up. It comes back to the same terminal.
    ends.b.ok("wanrouter stop")?;
    until("the hang-up", UP, || {
        Ok(ends.a.status(DEVICE)?["carrier"] == false)
    })?;
    ends.b.ok("wanrouter start")?;
    ends.wait_up(a)?;
    ends.pings(a)?;
    ends.a.ok("wanrouter stop")?;
    ensure!(
        fs::symlink_metadata(ends.a.path("/dev/line")).is_err(),
        "the link to the slave is left"
    );
    Ok(())
}

/// Two pseudo-terminals are joined by a program that knows nothing of frames.
fn joined() -> Result {
    let end = End::cisco_hdlc();
    let ends = Ends::new(&end, "pty:/run/line", &end, "pty:/run/line")?;
    ends.start()?;
    let socat = find_tool("socat").ok_or_else(|| wanbox_rig::Error::new("socat is missing"))?;
    let mut cable = Command::new(socat)
        .arg(format!("{},raw,echo=0", ends.a.path("/run/line").display()))
        .arg(format!("{},raw,echo=0", ends.b.path("/run/line").display()))
        .spawn()?;
    let done = ends.wait_up(&end).and_then(|()| ends.pings(&end));
    cable.kill()?;
    cable.wait()?;
    done?;
    until("the hang-up", UP, || {
        Ok(ends.a.status(DEVICE)?["carrier"] == false)
    })?;
    Ok(())
}

/// Frames among those of others on an Ethernet, which goes away and comes back.
fn lapbether() -> Result {
    let end = End::cisco_hdlc();
    let ends = Ends::new(&end, "lapbether:eth0", &end, "lapbether:eth0")?;
    for router in [&ends.a, &ends.b] {
        // Two octets more than the longest frame.
        router.netns.ip("link set eth0 mtu 1700")?;
    }
    ends.start()?;
    ends.wait_up(&end)?;
    ends.pings(&end)?;
    // The host's own packets go the same way.
    Ping::new("192.0.2.2").all(&ends.a.netns)?;
    ensure!(
        counter(&ends.a, "lapbether_malformed")? == 0,
        "the host's packets count as frames"
    );

    // A length that is not there, and frames that end in their header or behind it.
    let header = ethernet::header([2, 0, 0, 0, 0, 9], 1000);
    for router in [&ends.a, &ends.b] {
        router.netns.inside(|| {
            let mut socket = PacketSocket::open("eth0")?;
            for octets in [&[&header[..], &[0x0f; 60]].concat()[..], &header[..15]] {
                socket.send(&[std::io::IoSlice::new(octets)])?;
            }
            Ok(())
        })?;
        let other = if std::ptr::eq(router, &ends.a) {
            &ends.b
        } else {
            &ends.a
        };
        until("the counter", UP, || {
            Ok(counter(other, "lapbether_malformed")? == 2)
        })?;
    }
    ends.pings(&end)?;

    // Down, and up again.
    ends.a.netns.ip("link set eth0 down")?;
    for router in [&ends.a, &ends.b] {
        until("the carrier to be lost", UP, || {
            Ok(router.status(DEVICE)?["carrier"] == false)
        })?;
    }
    ends.a.netns.ip("link set eth0 up")?;
    ends.wait_up(&end)?;
    ends.pings(&end)?;
    // Gone, and another of its name.
    ends.a.netns.ip("link del eth0")?;
    until("the line to be gone", UP, || {
        Ok(ends.b.status(DEVICE)?["carrier"] == false)
    })?;
    netns::veth(&ends.a.netns, "eth0", &ends.b.netns, "eth0")?;
    for router in [&ends.a, &ends.b] {
        router.netns.ip("link set eth0 mtu 1700")?;
    }
    ends.wait_up(&end)?;
    ends.pings(&end)
}

/// What is no frame is thrown away and counted, and the daemon goes on.
fn noise() -> Result {
    let end = End::cisco_hdlc();
    let ends = Ends::new(
        &end,
        "tcp-listen:192.0.2.1:7000",
        &end,
        "tcp:192.0.2.1:7000",
    )?;
    ends.a.ok("wanrouter start")?;
    let mut stream = ends
        .b
        .netns
        .inside(|| Ok(TcpStream::connect("192.0.2.1:7000")?))?;
    let mut octets = b"~wrong check~\x7d~\x01~".to_vec();
    octets.extend(std::iter::repeat_n(b'x', 5000));
    octets.push(b'~');
    stream.write_all(&octets)?;
    until("the counters", Duration::from_secs(60), || {
        Ok(counter(&ends.a, "framing_crc")? >= 1
            && counter(&ends.a, "framing_aborts")? == 1
            && counter(&ends.a, "framing_too_short")? == 1
            && counter(&ends.a, "framing_too_long")? == 1)
    })?;
    drop(stream);
    ends.b.ok("wanrouter start")?;
    ends.wait_up(&end)?;
    ends.pings(&end)
}

fn bad_input() -> Result {
    let router = Router::new(&wanbox())?;
    let end = End::cisco_hdlc();
    for (line, says) in [
        ("tty:ttyS0", "'ttyS0' is not an absolute path"),
        ("tty:/dev/null", "/dev/null is no serial port"),
        ("tty:/dev/nothing", "/dev/nothing: No such file"),
        ("tty:/dev/null flow=magic", "none, rtscts, xonxoff"),
        ("tcp:192.0.2.1", "is not HOST:PORT"),
        ("pty:/etc/wanpipe", "no link to a pseudo-terminal"),
        ("pty:/run/x queue=0", "queue"),
        ("lapbether:eth9", "eth9"),
        ("lapbether:lo", "those of type 1 do"),
        ("lapbether:eth/0", "interface name"),
    ] {
        install(&router, &end, line, 0)?;
        let finished = router.run("wanrouter start")?;
        ensure!(
            finished.code != 0 && (finished.stderr + &finished.stdout).contains(says),
            "{line} does not say {says}: {}",
            router.logs()
        );
    }
    Ok(())
}
