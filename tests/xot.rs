//! X.25 over TCP: two routers, and strangers who say what is none.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use wanbox_rig::need::find_tool;
use wanbox_rig::ping::Ping;
use wanbox_rig::{
    Error, Need, Result, Router, Running, TempDir, capture, ensure, json, netns, until,
};

use crate::network::{DEVICE, End, UP, install};
use crate::{test, wanbox};

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];
const CAPTURED: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
    Need::Tool("tshark"),
    Need::Tool("dumpcap"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "xot::carries_calls_and_permanent_circuits",
            CAPTURED,
            carries,
        ),
        test("xot::both_ends_call", NEEDS, both_ends),
        test("xot::strangers", NEEDS, strangers),
        test("xot::bad_input", NEEDS, bad_input),
    ]
}

/// Two routers on an Ethernet, with these lines and keys.
struct Ends {
    a: Router,
    b: Router,
}

impl Ends {
    fn new(lines: [&str; 2], keys: &str, permanent: bool) -> Result<Self> {
        let ends = Self {
            a: Router::new(&wanbox())?,
            b: Router::new(&wanbox())?,
        };
        netns::veth(&ends.a.netns, "eth0", &ends.b.netns, "eth0")?;
        for (n, router) in [&ends.a, &ends.b].into_iter().enumerate() {
            router.netns.ip("link set lo up")?;
            router
                .netns
                .ip(&format!("addr add 192.0.2.{}/24 dev eth0", n + 1))?;
            let (there, own) = [
                ("@31162", "X25_SRC_ADDR = 31161\n"),
                ("@31161", "X25_SRC_ADDR = 31162\n"),
            ][n];
            let circuits = [(there, own), ("1", "")];
            let circuits = if permanent {
                &circuits[..]
            } else {
                &circuits[..1]
            };
            let mut end = End::x25("DTE", keys, circuits);
            // There is no LAPB.
            end.keys = end.keys.replace("STATION = DTE\nT1 = 1\n", "");
            install(router, &end, lines[n], n)?;
        }
        ends.b.ok("wanrouter start")?;
        ends.a.ok("wanrouter start")?;
        ends.ready()?;
        Ok(ends)
    }

    fn ready(&self) -> Result {
        until("the packet layers", UP, || {
            Ok(self.a.is_connected(DEVICE) && self.b.is_connected(DEVICE))
        })?;
        Ok(())
    }

    fn pings(&self, nets: &[u16]) -> Result {
        for net in nets {
            for (router, there) in [(&self.a, 2), (&self.b, 1)] {
                for size in [56, 1472] {
                    Ping {
                        size,
                        ..Ping::new(&format!("10.0.{net}.{there}"))
                    }
                    .all(&router.netns)
                    .map_err(|error| self.explain(error))?;
                }
            }
        }
        Ok(())
    }

    fn explain(&self, error: Error) -> Error {
        let mut text = error.to_string();
        for router in [&self.a, &self.b] {
            text += &format!("\n{}", router.logs());
            for words in ["status", "counters"] {
                if let Ok(said) = router.ok(&format!("wanconfig card {DEVICE} {words}")) {
                    text += &format!("\n{said}");
                }
            }
        }
        Error::new(text)
    }
}

/// A counter of a device by its name, whichever group it is in.
fn counter(router: &Router, name: &str) -> Result<u64> {
    let text = router.ok(&format!("wanconfig card {DEVICE} counters --json"))?;
    let all = json::parse(&text)?;
    let groups = all
        .as_object()
        .into_iter()
        .flat_map(|groups| groups.values());
    groups
        .filter_map(|group| group.get(name)?.as_u64())
        .next()
        .ok_or_else(|| Error::new(format!("no counter {name}: {text}")))
}

const PERMANENT: &str = "LOWESTPVC = 1\nHIGHESTPVC = 1\nLOWESTSVC = 2\nHIGHESTSVC = 50\n\
     PACKETWINDOW = 7\nDEF_PKT_SIZE = 256\n";
const CALLS: &str = "LOWESTSVC = 1\nHIGHESTSVC = 50\n";

/// One end connects, the other listens: a call and a permanent circuit carry packets both ways.
fn carries() -> Result {
    let files = TempDir::new()?;
    let file = files.path().join("tcp.pcap");
    let lines = [
        "xot:192.0.2.2 interface=WANPIPE1",
        "xot-listen:192.0.2.2 source=192.0.2.1/32",
    ];
    let ends = Ends::new(lines, PERMANENT, true)?;
    let dumpcap = find_tool("dumpcap").ok_or_else(|| Error::new("dumpcap is missing"))?;
    let mut command = Command::new(dumpcap);
    command
        .args(["-q", "-i", "eth0", "-f", "tcp port 1998", "-w"])
        .arg(&file)
        .stderr(Stdio::null());
    let mut watching: Running = ends.a.netns.spawn(&mut command)?.into();
    until("the capture to begin", UP, || Ok(file.exists()))?;
    // The circuit that is there already is set up once more, to be seen.
    ends.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    until("the connection to end", UP, || {
        Ok(counter(&ends.b, "xot_connections")? == 0)
    })?;
    ends.a.ok(&format!("wanconfig card {DEVICE} line join"))?;
    ends.ready()?;
    until("the permanent circuit", UP, || {
        Ok(counter(&ends.b, "xot_permanent")? == 2 && counter(&ends.a, "xot_connections")? == 1)
    })
    .map_err(|error| ends.explain(error))?;
    // The end that listens cannot call: the other one does.
    Ping::new("10.0.1.2")
        .all(&ends.a.netns)
        .map_err(|error| ends.explain(error))?;
    ends.pings(&[1, 2])?;
    ensure!(
        counter(&ends.a, "xot_connections")? == 2,
        "not a connection a circuit"
    );
    for router in [&ends.a, &ends.b] {
        for name in ["xot_misplaced", "xot_malformed", "xot_unbound"] {
            ensure!(counter(router, name)? == 0, "{name}");
        }
    }
    ends.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    until("the circuits to end", UP, || {
        Ok(counter(&ends.b, "xot_connections")? == 0)
    })?;
    watching.signal(Signal::SIGINT)?;
    until("the capture to end", UP, || {
        Ok(watching.status()?.is_some())
    })?;
    ensure!(fs::metadata(&file)?.len() > 1000, "nothing was captured");
    let faults = capture::faults(&file, "xot || x25")?;
    ensure!(faults.is_empty(), "{faults:?}");
    for (filter, least) in [
        ("xot && x25.type == 0x0b", 1),
        ("xot && x25.type == 0x0f", 1),
        ("xot.pvc.version == 0x81", 2),
        ("xot.pvc.init_itf_name == \"wanpipe1\"", 2),
        ("xot && icmp", 8),
    ] {
        let found = capture::count(&file, filter)?;
        ensure!(found >= least, "{filter}: {found}");
    }
    Ok(())
}

/// Both ends call and listen; one is killed, and comes back.
fn both_ends() -> Result {
    let lines = [
        "xot:192.0.2.2:2998 listen=192.0.2.1:2998 source=192.0.2.0/24",
        "xot:192.0.2.1:2998 listen=192.0.2.2:2998 source=192.0.2.0/24",
    ];
    let ends = Ends::new(lines, CALLS, false)?;
    // What b has for a calls, too.
    Ping::new("10.0.1.1")
        .all(&ends.b.netns)
        .map_err(|error| ends.explain(error))?;
    ends.pings(&[1])?;
    ends.b.signal(DEVICE, Signal::SIGKILL)?;
    until("the call to end", UP, || {
        Ok(counter(&ends.a, "xot_connections")? == 0)
    })
    .map_err(|error| ends.explain(error))?;
    until("the killed daemon to be gone", UP, || {
        Ok(ends.b.run("wanrouter start")?.code == 0)
    })?;
    ends.ready()?;
    ends.pings(&[1])
}

/// What is none is told from what is, and who is not of our network is not let in.
fn strangers() -> Result {
    let lines = ["xot-listen:0.0.0.0 source=192.0.2.2/32", "xot:192.0.2.1"];
    let ends = Ends::new(lines, CALLS, false)?;
    ends.a.netns.ip("link set lo up")?;
    let mut local = ends
        .a
        .netns
        .inside(|| Ok(TcpStream::connect("192.0.2.1:1998")?))?;
    local.set_read_timeout(Some(Duration::from_secs(60)))?;
    ensure!(local.read(&mut [0; 16]).unwrap_or(0) == 0, "it was let in");
    ensure!(
        counter(&ends.a, "xot_turned_away")? == 1,
        "it was not counted"
    );
    // From the right host: versions, lengths and packets that cannot be, and half a call.
    let connect = || {
        ends.b
            .netns
            .inside(|| Ok(TcpStream::connect("192.0.2.1:1998")?))
    };
    for octets in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0, 0, 0, 1],
        &[0, 0, 0xff, 0xff],
    ] {
        let mut stream = connect()?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(octets)?;
        ensure!(stream.read(&mut [0; 16]).unwrap_or(0) == 0, "it goes on");
    }
    ensure!(counter(&ends.a, "xot_malformed")? == 3, "not counted");
    let mut half = connect()?;
    half.write_all(&[0, 0, 0, 20, 0x10, 1, 0x0b])?;
    // A call to nobody is cleared.
    let mut nobody = connect()?;
    nobody.set_read_timeout(Some(Duration::from_secs(60)))?;
    let call = [0x10, 7, 0x0b, 0x04, 0x99, 0x99, 6, 0x42, 7, 7, 0x43, 2, 2];
    nobody.write_all(&[0, 0, 0, call.len() as u8])?;
    nobody.write_all(&call)?;
    let mut answer = [0; 9];
    nobody.read_exact(&mut answer)?;
    ensure!(
        answer[..2] == [0, 0] && answer[4..7] == [0x10, 7, 0x13],
        "{answer:x?}"
    );
    // Only b can call.
    Ping::new("10.0.1.1")
        .all(&ends.b.netns)
        .map_err(|error| ends.explain(error))?;
    ends.pings(&[1])?;
    drop(half);
    until("the connections to end", Duration::from_secs(60), || {
        Ok(counter(&ends.a, "xot_connections")? == 1)
    })
    .map_err(|error| ends.explain(error))?;
    Ok(())
}

fn bad_input() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    let x25 = |keys: &str| {
        let mut end = End::x25("DTE", keys, &[]);
        end.keys = end.keys.replace("STATION = DTE\nT1 = 1\n", "");
        end
    };
    let alone = x25("LAPB_HDLC_ONLY = YES\n");
    for (end, line, says) in [
        (&x25(CALLS), "xot:0.0.0.0", "one host"),
        (&x25(CALLS), "xot:127.0.0.1 loss=1%", "nobody to send"),
        (
            &x25(CALLS),
            "xot:127.0.0.1 source=10.0.0.0/8",
            "behind listen=",
        ),
        (&x25(PERMANENT), "xot:127.0.0.1", "interface=NAME"),
        (&x25(CALLS), "xot-listen:198.51.100.1", "198.51.100.1:1998"),
        (&alone, "xot:127.0.0.1", "carries the packets of X.25"),
        (
            &End::cisco_hdlc(),
            "xot:127.0.0.1",
            "carries the packets of X.25",
        ),
    ] {
        install(&router, end, line, 0)?;
        let finished = router.run("wanrouter start")?;
        ensure!(
            finished.code != 0 && (finished.stderr + &finished.stdout).contains(says),
            "{line} does not say {says}: {}",
            router.logs()
        );
    }
    Ok(())
}
