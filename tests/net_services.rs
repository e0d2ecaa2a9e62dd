//! Sessions and servers of the station with other people's programs at the other end: Debian's telnet and
//! telnetd, finger and fingerd, socat, and the host's kernel.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;
use wanbox_rig::error::Context;
use wanbox_rig::need::find_tool;
use wanbox_rig::terminal::Terminal;
use wanbox_rig::{Error, Need, Result, Router, Running, ensure, uninterrupted, until};

use crate::echoes::echoed;
use crate::{test, wanbox};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];
const SOCAT: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("socat"),
];
const TELNET: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("socat"),
    Need::Tool("telnet"),
    Need::Tool("telnetd"),
];
const FINGER: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("socat"),
    Need::Tool("finger"),
    Need::Tool("in.fingerd"),
];

const LIMIT: Duration = Duration::from_secs(60);
/// The station, and the host as it sees it.
const STATION: &str = "10.9.0.2";
const HOST: &str = "10.9.0.1";

pub fn tests() -> Vec<Trial> {
    vec![
        test("net_services::telnet", TELNET, telnet),
        test("net_services::finger", FINGER, finger),
        test("net_services::echo_discard_and_time", NEEDS, small_servers),
        test("net_services::tcpgate", SOCAT, gate),
        test("net_services::remote", NEEDS, remote),
    ]
}

/// A station in a namespace, whose host it reaches through `ni`.
struct Station {
    router: Router,
    servers: Vec<Running>,
}

impl Station {
    fn start(commands: &str) -> Result<Self> {
        let router = Router::new(&wanbox())?;
        router.netns.ip("link set lo up")?;
        let common = format!(
            "hostname station\nlog /net.log\nip address {STATION}\nattach ni ni0 {HOST}\nroute add {HOST} ni0\ntcp window 32768\n"
        );
        router.write("/etc/net.rc", &format!("{common}{commands}"))?;
        router.ok("net -d")?;
        Ok(Self {
            router,
            servers: Vec::new(),
        })
    }

    /// Gives the station a command: what it printed.
    fn command(&self, line: &str) -> Result<String> {
        let mut command = self.router.applet("net");
        let done = self
            .router
            .netns
            .finish(command.args(["-e", line]), LIMIT)?;
        done.ok()
    }

    /// A program of the host behind a port or socket, as inetd would start it.
    fn serve(&mut self, listen: &str, program: &str) -> Result {
        let mut command = Command::new(find_tool("socat").unwrap_or_default());
        command.args([listen, program]);
        let server = self.router.netns.spawn(&mut command)?;
        self.servers.push(server.into());
        Ok(())
    }

    /// The same behind a port of TCP, as soon as it is there.
    fn serve_port(&mut self, port: u16, program: &str) -> Result {
        let listen = format!("TCP-LISTEN:{port},reuseaddr,fork");
        self.serve(&listen, &format!("EXEC:{program},nofork"))?;
        let entry = format!("00000000:{port:04X} 00000000:0000 0A");
        until("the server's port", LIMIT, || {
            let table = || Ok(std::fs::read_to_string("/proc/thread-self/net/tcp")?);
            Ok(self.router.netns.inside(table)?.contains(&entry))
        })?;
        Ok(())
    }

    fn connect(&self, port: u16) -> Result<TcpStream> {
        let address = SocketAddrV4::new(STATION.parse()?, port);
        let connect = || TcpStream::connect(address).context(address);
        let stream = self.router.netns.inside(connect)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    fn log(&self) -> String {
        self.router.read("/net.log").unwrap_or_default()
    }
}

/// Somebody logs in with Debian's client, and goes on from there to Debian's server.
fn telnet() -> Result {
    let mut station = Station::start("login password secret\nstart telnet\n")?;
    station.serve_port(23, "/usr/sbin/telnetd -E /bin/sh")?;
    let mut command = Command::new(find_tool("telnet").unwrap_or_default());
    // Without an escape character of its own: the station's is the same.
    command.args(["-E", STATION]);
    let netns = &station.router.netns;
    let mut desk = netns.inside(|| Terminal::start(&mut command, 100, 40))?;
    desk.answer("Password:", "wrong\r")?;
    desk.answer("Login incorrect\nPassword:", "secret\r")?;
    desk.answer("station>", "session\r")?;
    desk.answer("Remote socket\nstation>", &format!("telnet {HOST}\r"))?;
    // Its server echoes: keys go there one by one, and what it shows is not made harmless.
    desk.wait("SYN sent\nEstab")?;
    desk.answer("(pts/", "echo $((6 * 7))-$TERM\r")?;
    desk.answer("\n42-", "stty -a | grep -o ' echo '\r")?;
    desk.answer("\n echo", "\x1d")?;
    desk.answer("station>", "session\r")?;
    desk.answer("*0", "topt on\r")?;
    desk.answer("topt on\nstation>", "close\r")?;
    desk.wait("FINwait")?;
    desk.answer("station>", "kick 7\r")?;
    desk.answer("Invalid session", "bye\r")?;
    ensure!(!desk.text().contains("secret"), "{}", desk.text());
    desk.end()?;
    let log = station.log();
    for line in ["open TELNET", "TELNET PASSWORD FAIL", "close TELNET"] {
        ensure!(log.contains(&format!(" - {line}\n")), "{line} in {log}");
    }
    Ok(())
}

/// Our client at Debian's server, and Debian's client at ours: a gate to the host's.
fn finger() -> Result {
    let mut station = Station::start("start tcpgate finger *:finger\n")?;
    station.serve_port(79, "/usr/sbin/in.fingerd")?;
    let shown = station.command(&format!("finger root@{HOST}"))?;
    let shown = shown.replace('\r', "");
    let head = format!("SYN sent\nEstab\n[{HOST}]\nLogin: root");
    ensure!(shown.starts_with(&head), "{shown}");
    ensure!(shown.ends_with("Last ACK\nClosed (Normal)\n"), "{shown}");
    let mut command = Command::new(find_tool("finger").unwrap_or_default());
    command.arg(format!("root@{STATION}"));
    let through = station.router.netns.finish(&mut command, LIMIT)?.ok()?;
    ensure!(through.contains("Login: root"), "{through}");
    until("the gate's end in the log", LIMIT, || {
        let log = station.log();
        Ok(log.contains(" - open finger\n") && log.contains(" - close finger\n"))
    })?;
    // Nobody serves there.
    let mut command = station.router.applet("net");
    let refused = command.args(["-e", &format!("telnet {HOST} 9")]);
    let done = station.router.netns.finish(refused, LIMIT)?.code(1)?;
    ensure!(
        done.stderr.contains("Closed (Reset/Refused)"),
        "{}",
        done.stderr
    );
    Ok(())
}

fn small_servers() -> Result {
    let station = Station::start("start echo\nstart discard 99\nstart time\n")?;
    echoed(&station.connect(7)?, 2_000_000)?;
    let mut discard = station.connect(99)?;
    discard.write_all(&vec![0x5a; 2_000_000])?;
    discard.shutdown(Shutdown::Write)?;
    let mut rest = Vec::new();
    discard.read_to_end(&mut rest)?;
    ensure!(rest.is_empty(), "{} octets came back", rest.len());
    // One who never reads stops nobody else.
    let mut greedy = station.connect(7)?;
    greedy.set_write_timeout(Some(Duration::from_millis(500)))?;
    let sent = std::iter::repeat_with(|| greedy.write(&[0; 8192]))
        .map_while(std::io::Result::ok)
        .sum::<usize>();
    ensure!(sent < 16 << 20, "{sent} octets are kept somewhere");
    echoed(&station.connect(7)?, 100_000)?;
    let answer = station.router.netns.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_read_timeout(Some(LIMIT))?;
        socket.send_to(b"", (STATION, 37))?;
        let mut answer = [0; 16];
        let count = uninterrupted(|| socket.recv(&mut answer))?;
        Ok(answer.get(..count).unwrap_or_default().to_vec())
    })?;
    let answer: [u8; 4] = answer.as_slice().try_into().context("four octets")?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let seconds = u32::from_be_bytes(answer).wrapping_sub(2_208_988_800);
    let off = (since_1970 as u32).wrapping_sub(seconds);
    ensure!(off <= 30, "{off} s off");
    station.command("stop echo")?;
    ensure!(station.connect(7).is_err(), "echo was stopped");
    Ok(())
}

/// Programs of the host behind ports of the station.
fn gate() -> Result {
    let commands = "start tcpgate 3600 unix:/run/convers\nstart tcpgate 3601 127.0.0.1:9\n";
    let mut station = Station::start(commands)?;
    let path = station.router.path("/run/convers");
    let listen = format!("UNIX-LISTEN:{},fork", path.display());
    station.serve(&listen, "EXEC:cat,nofork")?;
    until("the socket", LIMIT, || Ok(path.exists()))?;
    // Two at a time.
    let other = station.connect(3600)?;
    let first = thread::spawn(move || echoed(&other, 1_000_000));
    let same = echoed(&station.connect(3600)?, 1_000_001);
    first.join().map_err(|_| Error::new("the other one"))??;
    same?;
    // Where nobody is behind it, it closes.
    let mut closed = station.connect(3601)?;
    let mut rest = Vec::new();
    // By FIN or by RST.
    let _ = closed.read_to_end(&mut rest);
    ensure!(rest.is_empty(), "{rest:?}");
    until("the ends in the log", LIMIT, || {
        Ok(station.log().matches(" - close convers\n").count() == 2)
    })?;
    Ok(())
}

fn remote() -> Result {
    let station = Station::start("start remote\nremote -s \"a key of some length\"\n")?;
    let exit = |key: &str| station.command(&format!("remote -k \"{key}\" {STATION} exit"));
    exit("a key of some lengtH")?;
    station.router.netns.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:1234")?;
        // In clear, as the original sends it.
        socket.send_to(b"\x02a key of some length", (STATION, 1234))?;
        socket.send_to(b"\x03", (STATION, 1234))?;
        Ok(())
    })?;
    until("what was refused in the log", LIMIT, || {
        Ok(station.log().matches("Remote exit PASSWORD FAIL").count() == 2)
    })?;
    ensure!(!station.log().contains("a key"), "{}", station.log());
    exit("a key of some length")?;
    until("the end", LIMIT, || {
        Ok(station.log().contains("Remote exit PASSWORD OK")
            && station.log().contains("NOS was stopped at"))
    })
    .context(station.log())?;
    Ok(())
}
