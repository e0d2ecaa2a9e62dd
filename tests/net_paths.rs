//! The station's TCP against the host's kernel: much data, many connections, bad lines; its RIP against BIRD.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::{
    Error, Need, Netns, Result, Running, TempDir, ensure, need, uninterrupted, until,
};

use crate::echoes::{connect, echoed};
use crate::injector::{Faults, Injector};
use crate::net_devices::Station;
use crate::test;

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];
const RIP_NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("bird"),
    Need::Tool("birdc"),
];

/// FRR's daemons give up root for a user of their own.
const FRR_NEEDS: &[Need] = &[
    Need::Root,
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool(ZEBRA),
    Need::Tool(RIPD),
];
const ZEBRA: &str = "/usr/lib/frr/zebra";
const RIPD: &str = "/usr/lib/frr/ripd";

/// The host's end of the link to the station, and the station's.
const HOST: &str = "10.9.0.1";
const STATION: &str = "10.9.0.2";
const ECHO: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 9, 0, 2), 7);
/// The network behind the injector: of the far host, and of the station's.
const FAR: &str = "10.9.1.1";
const NEAR: &str = "10.9.1.2";

const UP: Duration = Duration::from_secs(20);

pub fn tests() -> Vec<Trial> {
    vec![
        test("net_paths::much_data_comes_back_intact", NEEDS, much_data),
        test("net_paths::a_bad_line", NEEDS, bad_line),
        test("net_paths::a_thousand_connections", NEEDS, thousand),
        test("net_paths::rip_with_bird", RIP_NEEDS, rip),
        test("net_paths::rip_1_with_frr", FRR_NEEDS, rip_1),
    ]
}

/// Octets a way; `make soak` asks for the whole gigabyte.
fn octets(usual: u64) -> u64 {
    if std::env::var_os("WANBOX_SOAK").is_some() {
        1_000_000_000
    } else {
        usual
    }
}

/// A station with the services of these lines, and its host.
fn station(more: &str) -> Result<(Station, Netns)> {
    let netns = Netns::new()?;
    netns.ip("link set lo up")?;
    let station = Station::start(
        &netns,
        &format!(
            "ip address {STATION}\nattach ni ni0 {HOST} 255.255.255.0\nroute add {HOST} ni0\n\
             tcp mss 1460\ntcp wscale on\ntcp timestamps on\ntcp window 1000000\nstart echo 7 1000\n{more}"
        ),
    )?;
    Ok((station, netns))
}

fn much_data() -> Result {
    let (_station, netns) = station("")?;
    netns.inside(|| echoed(&connect(ECHO)?, octets(200_000_000)))
}

/// The way: a host, the injector, the station's host, the station.
fn bad_line() -> Result {
    let (_station, netns) = station(&format!("route add {FAR} ni0\n"))?;
    let far = Netns::new()?;
    let line = Injector::start(
        [(&far, "line0"), (&netns, "line0")],
        Faults {
            seed: 1,
            lost: 2,
            doubled: 10,
            late: 10,
            delay: Duration::from_millis(2),
        },
    )?;
    for (netns, address) in [(&far, FAR), (&netns, NEAR)] {
        netns.ip(&format!("addr add {address}/24 dev line0"))?;
        netns.ip("link set line0 up")?;
    }
    far.ip(&format!("route add 10.9.0.0/24 via {NEAR}"))?;
    netns.inside(|| Ok(std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?))?;
    far.inside(|| echoed(&connect(ECHO)?, octets(20_000_000)))?;
    let met = line.end()?;
    ensure!(
        met.lost > 0 && met.doubled > 0 && met.late > 0,
        "the line was too good: {met:?}"
    );
    Ok(())
}

fn thousand() -> Result {
    let (station, netns) = station("")?;
    netns.inside(|| {
        let mut streams = Vec::new();
        for number in 0..1000u32 {
            let mut stream = connect(ECHO)?;
            stream.write_all(&number.to_be_bytes())?;
            streams.push(stream);
        }
        for (number, stream) in streams.iter_mut().enumerate() {
            let mut back = [0; 4];
            stream.read_exact(&mut back)?;
            ensure!(
                back == (number as u32).to_be_bytes(),
                "{number} got {back:?}"
            );
        }
        for mut stream in streams {
            stream.shutdown(Shutdown::Write)?;
            let end = uninterrupted(|| stream.read(&mut [0; 1]));
            ensure!(matches!(end, Ok(0)), "no end but {end:?}");
        }
        Ok(())
    })?;
    // The station was closed last, so that nothing of them waits anywhere in it.
    until("the end of all connections", UP, || {
        let status = station.says("tcp status")?;
        Ok(status.matches(":echo ").count() <= 1)
    })?;
    netns.inside(|| {
        // Nobody is there.
        let refused = TcpStream::connect("10.9.0.2:99").map(|_| ());
        ensure!(
            refused
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused),
            "{refused:?}"
        );
        Ok(())
    })
}

/// FRR on the station's host: version 1, which BIRD has not. Networks are of the old classes, for it has no masks.
fn rip_1() -> Result {
    let (station, netns) =
        station("route add 192.168.77.0/24 loopback\nstart rip\nrip add 10.9.0.1 2 1\n")?;
    for network in ["172.20.0.0/16", "192.168.5.0/24"] {
        netns.ip(&format!("route add blackhole {network}"))?;
    }
    let dir = TempDir::new()?;
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777))?;
    let daemon = |program: &str, config: &str| -> Result<Running> {
        let name = Path::new(program).file_name().unwrap_or_default();
        let file = |suffix: &str| dir.path().join(name).with_extension(suffix);
        std::fs::write(file("conf"), config)?;
        let mut command = Command::new(program);
        command
            .arg("-f")
            .arg(file("conf"))
            .arg("-i")
            .arg(file("pid"));
        command.arg("-z").arg(dir.path().join("zserv"));
        command.args(["-P", "0", "--vty_socket"]).arg(dir.path());
        Ok(netns.spawn(&mut command)?.into())
    };
    let _zebra = daemon(ZEBRA, "hostname host\n")?;
    until("zebra", UP, || Ok(dir.path().join("zserv").exists()))?;
    let ripd = daemon(
        RIPD,
        "router rip\n version 1\n network ni0\n neighbor 10.9.0.2\n redistribute kernel\n timers basic 5 20 10\n",
    )?;
    until("the station's network in the kernel", UP, || {
        let routes = netns.ip("route show 192.168.77.0/24")?;
        Ok(routes.contains("via 10.9.0.2 dev ni0 proto rip"))
    })?;
    let mut shown = String::new();
    until("the host's networks in the station", UP, || {
        shown = station.says("route")?;
        Ok(
            shown.contains("172.20.0.0         16  ni0          10.9.0.1")
                && shown.contains("192.168.5.0        24  ni0          10.9.0.1"),
        )
    })
    .map_err(|error| Error::new(format!("{error}: {shown}")))?;
    drop(ripd);
    Ok(())
}

/// BIRD on the station's host tells of networks and is told of the station's.
fn rip() -> Result {
    let (station, netns) = station(
        "route add 10.77.0.0/16 loopback\nstart rip\nrip version 2\nrip add 10.9.0.1 2 1\n",
    )?;
    let dir = TempDir::new()?;
    let (config, socket) = (dir.path().join("bird.conf"), dir.path().join("bird.ctl"));
    std::fs::write(
        &config,
        "router id 10.9.0.1;\nprotocol device { scan time 1; }\n\
         protocol static { ipv4; route 10.66.0.0/16 blackhole; route 10.67.1.0/24 blackhole; }\n\
         protocol rip { ipv4 { import all; export where source = RTS_STATIC; };\n\
         interface \"ni0\" { version 2; update time 2; timeout time 8; garbage time 4; }; }\n",
    )?;
    let bird = need::find_tool("bird").ok_or_else(|| Error::new("no bird"))?;
    let mut command = Command::new(bird);
    command
        .arg("-f")
        .arg("-c")
        .arg(&config)
        .arg("-s")
        .arg(&socket);
    let bird = Running::from(netns.spawn(&mut command)?);
    let birdc = need::find_tool("birdc").ok_or_else(|| Error::new("no birdc"))?;
    let routes = || -> Result<String> {
        let mut command = Command::new(&birdc);
        command.arg("-s").arg(&socket).args(["show", "route"]);
        Ok(netns.finish(&mut command, UP)?.stdout)
    };
    until("the station's network in BIRD", UP, || {
        Ok(routes()?.contains("10.77.0.0/16"))
    })?;
    let mut shown = String::new();
    until("BIRD's networks in the station", UP, || {
        shown = station.says("route")?;
        Ok(shown.contains("10.66.0.0") && shown.contains("10.67.1.0"))
    })
    .map_err(|error| Error::new(format!("{error}: {shown}")))?;
    // What BIRD does not tell of any more ends.
    drop(bird);
    until("the end of BIRD's networks", UP * 3, || {
        shown = station.says("route")?;
        Ok(!shown.contains("10.66.0.0"))
    })
    .map_err(|error| Error::new(format!("{error}: {shown}")))?;
    Ok(())
}
