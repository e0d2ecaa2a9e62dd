//! The RADIUS engine of l2tpns judged by FreeRADIUS: who comes in, what is granted, what is
//! accounted, and requests of its client to us.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;
use wanbox_l2tpns_engine::SessionId;
use wanbox_l2tpns_engine::config::RadiusServer;
use wanbox_l2tpns_engine::radius::dae;
use wanbox_l2tpns_engine::radius::{
    AccessRequest, AccountingRequest, Answer, Authorization, Client, Config, Ended, Fault,
    FramedAddress, Nas, Port, Route4, SharedSecret, Status, Usage, acct_session_id,
};
use wanbox_link::ppp::auth::{
    Authenticator, Config as AuthConfig, Credentials, Event, Failure, Method, Peer, Stats,
};
use wanbox_rig::need::find_tool;
use wanbox_rig::radius::Record;
use wanbox_rig::{Error, Need, Netns, Radius, Result, ensure, wait_for};
use wanbox_wire::ppp::Packet;
use wanbox_wire::radius::{ErrorCause, Prefix6, TerminateCause};

use crate::test;

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tool("ip"), Need::Tool("freeradius")];
const SECRET: &[u8] = b"radsec";
/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(90);

pub fn tests() -> Vec<Trial> {
    vec![
        test("radius::logins", NEEDS, logins),
        test("radius::everything_granted", NEEDS, granted),
        test("radius::accounting", NEEDS, accounting),
        test("radius::another_secret", NEEDS, another_secret),
        test("radius::an_old_server", NEEDS, an_old_server),
        test(
            "radius::requests_to_us",
            &[Need::Namespaces, Need::Tool("ip"), Need::Tool("radclient")],
            requests_to_us,
        ),
    ]
}

const USERS: &str = r#"
joe Cleartext-Password := "secret"
    Reply-Message = "welcome"

ISP\joe Cleartext-Password := "secret"
    Reply-Message = "welcome"

out Cleartext-Password := "secret", Auth-Type := Reject
    Reply-Message = "not today"

all Cleartext-Password := "secret"
    Service-Type = Framed-User,
    Framed-Protocol = PPP,
    Framed-IP-Address = 10.0.0.7,
    Framed-IP-Netmask = 255.255.255.255,
    Framed-Route = "10.1.0.0/16 10.0.0.7 1",
    Framed-Route += "10.2.0.0/24 10.0.0.7 1",
    Filter-Id = "web.in",
    Filter-Id += "mail.out",
    Framed-MTU = 1400,
    Class = 0x6f6e65,
    Class += 0x74776f,
    Session-Timeout = 3600,
    Idle-Timeout = 300,
    Acct-Interim-Interval = 600,
    Port-Limit = 2,
    Framed-Pool = "gold",
    MS-Primary-DNS-Server = 10.0.0.53,
    MS-Secondary-DNS-Server = 10.0.1.53,
    Framed-Interface-Id = 0:0:0:9,
    Framed-IPv6-Prefix = 2001:db8:1::/64,
    Framed-IPv6-Route = "2001:db8:8::/48 :: 1",
    Framed-IPv6-Pool = "six",
    Delegated-IPv6-Prefix = 2001:db8:77::/48,
    Framed-IPv6-Address = 2001:db8::7,
    DNS-Server-IPv6-Address = 2001:db8::53,
    Cisco-AVPair = "throttle=yes,intercept=10.0.0.1:99",
    Cisco-AVPair += "lcp:interface-config#1=service-policy input 64",
    Tunnel-Type:1 = L2TP,
    Tunnel-Medium-Type:1 = IPv4,
    Tunnel-Password:1 = "LESECRETL2TP",
    Tunnel-Server-Endpoint:1 = "192.0.2.9",
    Tunnel-Assignment-Id:1 = "friendisp_lns1"
"#;

/// A client with two sockets in a namespace that has a server.
struct Desk {
    client: Client,
    config: Config,
    sockets: Vec<UdpSocket>,
    radius: Radius,
}

impl Desk {
    fn new(secret: &[u8]) -> Result<Self> {
        Self::with(secret, Radius::start)
    }

    fn with(secret: &[u8], start: fn(&Netns, &str, &str) -> Result<Radius>) -> Result<Self> {
        let netns = Netns::new()?;
        netns.ip("link set lo up")?;
        let radius = start(&netns, std::str::from_utf8(SECRET)?, USERS)?;
        let sockets = netns.inside(|| {
            let socket = || -> Result<UdpSocket> {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            };
            Ok(vec![socket()?, socket()?])
        })?;
        let server = RadiusServer {
            address: Ipv4Addr::LOCALHOST.into(),
            port: 1812,
            accounting_port: 1813,
        };
        let mut config = Config::new(vec![server], SharedSecret::new(secret));
        config.nas = Nas {
            ipv4: Some(Ipv4Addr::new(10, 9, 0, 1)),
            ipv6: None,
            identifier: "lnshost".into(),
        };
        Ok(Self {
            client: Client::new(config.clone(), 2, 77),
            config,
            sockets,
            radius,
        })
    }

    /// Carries datagrams until the next answer.
    fn answer(&mut self) -> Result<Answer> {
        let mut octets = Vec::new();
        let mut buffer = [0; 4096];
        wait_for("an answer of the server", LIMIT, || {
            let now = Instant::now();
            self.client.handle_timeout(now);
            while let Some(to) = self.client.poll_transmit(&mut octets) {
                self.sockets[usize::from(to.socket)].send_to(&octets, to.to)?;
            }
            for (place, socket) in self.sockets.iter().enumerate() {
                while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                    self.client.receive(now, place as u8, from, &buffer[..len]);
                }
            }
            Ok(self.client.poll_event().map(|event| event.answer))
        })
    }

    /// A user logs in over PPP. What the server said, and what the user makes of it.
    fn login(
        &mut self,
        method: Method,
        user: &str,
        password: &str,
    ) -> Result<(Answer, std::result::Result<(), Failure>)> {
        let now = Instant::now();
        let mut stats = Stats::default();
        let config = AuthConfig::default();
        let mut lns = Authenticator::new(method, config, b"lns", 5);
        let credentials = Credentials::new(user.as_bytes(), password.as_bytes());
        let mut peer = Peer::new(method, config, credentials, 6);
        lns.start(now, &mut stats);
        peer.start(now, &mut stats);
        let mut octets = Vec::new();
        let mut said = None;
        for _ in 0..20 {
            while lns.poll_transmit(&mut octets) {
                peer.receive(now, &Packet::parse(&octets)?, None, &mut stats);
            }
            while peer.poll_transmit(&mut octets) {
                lns.receive(&Packet::parse(&octets)?, &mut stats);
            }
            if let Some(Event::Claim(claim)) = lns.poll_event() {
                let mut port = Port::new(SessionId(2));
                port.called = b"0211112222".as_slice().into();
                port.calling = b"0412345678".as_slice().into();
                let request = AccessRequest {
                    user: claim.name.clone(),
                    proof: claim.proof.clone(),
                    port,
                };
                self.client.access(now, 1, request)?;
                let answer = self.answer()?;
                let verdict = match &answer {
                    Answer::Accepted(granted) => granted.verdict(method),
                    Answer::Rejected(rejection) => rejection.verdict(method),
                    other => return Err(Error::new(format!("{user}: {other:?}"))),
                };
                lns.judge(now, &claim, verdict, &mut stats);
                said = Some(answer);
            }
            match (peer.poll_event(), said.take()) {
                (Some(Event::Succeeded), Some(answer)) => return Ok((answer, Ok(()))),
                (Some(Event::Failed(why)), Some(answer)) => return Ok((answer, Err(why))),
                (_, answer) => said = answer,
            }
        }
        Err(Error::new(format!("{user} never heard how it ended")))
    }
}

const METHODS: [Method; 3] = [Method::Pap, Method::ChapMd5, Method::MsChapV2];

fn logins() -> Result {
    let mut desk = Desk::new(SECRET)?;
    for method in METHODS {
        let (answer, heard) = desk.login(method, "joe", "secret")?;
        ensure!(heard == Ok(()), "{method}: joe: {heard:?}, {answer:?}");
        for (user, password) in [("joe", "wrong"), ("out", "secret"), ("nobody", "secret")] {
            let (answer, heard) = desk.login(method, user, password)?;
            ensure!(
                matches!(answer, Answer::Rejected(_)) && heard == Err(Failure::Refused),
                "{method}: {user}: {heard:?}, {answer:?}"
            );
            if let (Answer::Rejected(said), "out") = (&answer, user) {
                ensure!(*said.message == *b"not today", "{said:?}");
            }
        }
    }
    let (answer, heard) = desk.login(Method::MsChapV2, "ISP\\joe", "secret")?;
    ensure!(heard == Ok(()), "with a domain: {heard:?}, {answer:?}");

    let asked = desk.radius.access()?;
    ensure!(asked.len() == 13, "{} requests", asked.len());
    for record in &asked {
        for (name, value) in [
            ("NAS-Port", "2"),
            ("Service-Type", "Framed-User"),
            ("Framed-Protocol", "PPP"),
            ("Called-Station-Id", "0211112222"),
            ("Calling-Station-Id", "0412345678"),
            ("NAS-IP-Address", "10.9.0.1"),
            ("NAS-Identifier", "lnshost"),
            ("NAS-Port-Type", "Virtual"),
        ] {
            ensure!(record.get(name) == Some(value), "{name}: {record:?}");
        }
        ensure!(record.get("Message-Authenticator").is_some(), "{record:?}");
    }
    let stats = desk.client.servers().next().map(|server| server.stats[0]);
    let stats = stats.unwrap_or_default();
    ensure!((stats.accepted, stats.rejected) == (4, 9), "{stats:?}");
    ensure!(stats.bad_message_authenticator == 0, "{stats:?}");
    Ok(())
}

fn granted() -> Result {
    let mut desk = Desk::new(SECRET)?;
    let (answer, _) = desk.login(Method::ChapMd5, "all", "secret")?;
    let Answer::Accepted(granted) = answer else {
        return Err(Error::new(format!("{answer:?}")));
    };
    let prefix =
        |text: &str, length| -> Result<Prefix6> { Ok(Prefix6::new(text.parse()?, length)) };
    let address = Ipv4Addr::new(10, 0, 0, 7);
    let wanted = Authorization {
        service: Some(2),
        address: FramedAddress::Static(address),
        netmask: Some(Ipv4Addr::BROADCAST),
        routes: vec![
            Route4::new(Ipv4Addr::new(10, 1, 0, 0), 16),
            Route4::new(Ipv4Addr::new(10, 2, 0, 0), 24),
        ],
        filter_in: Some("web".into()),
        filter_out: Some("mail".into()),
        mtu: Some(1400),
        class: vec![b"one".as_slice().into(), b"two".as_slice().into()],
        session_timeout: Some(3600),
        idle_timeout: Some(300),
        interim: Some(600),
        port_limit: Some(2),
        pool: Some("gold".into()),
        dns: [
            Some(Ipv4Addr::new(10, 0, 0, 53)),
            Some(Ipv4Addr::new(10, 0, 1, 53)),
        ],
        interface_id: Some(9),
        prefixes6: vec![prefix("2001:db8:1::", 64)?],
        routes6: vec![prefix("2001:db8:8::", 48)?],
        pool6: Some("six".into()),
        delegated: vec![prefix("2001:db8:77::", 48)?],
        address6: Some("2001:db8::7".parse()?),
        dns6: vec!["2001:db8::53".parse()?],
        pairs: granted.pairs.clone(),
        tunnels: granted.tunnels.clone(),
        by_server: true,
        ..Authorization::default()
    };
    ensure!(*granted == wanted, "{granted:#?}\nis not\n{wanted:#?}");
    let pairs: Vec<_> = granted
        .pairs
        .iter()
        .map(|pair| format!("{}={}", pair.key, pair.value))
        .collect();
    ensure!(
        pairs
            == [
                "throttle=yes",
                "intercept=10.0.0.1:99",
                "lcp:interface-config#1=service-policy input 64"
            ],
        "{pairs:?}"
    );
    let tunnel = granted.l2tp_tunnels().next();
    let (tunnel, endpoint) = tunnel.ok_or_else(|| Error::new("no tunnel"))?;
    ensure!(endpoint.to_string() == "192.0.2.9", "{endpoint}");
    ensure!(
        tunnel.password.as_deref() == Some(b"LESECRETL2TP".as_slice()),
        "the tunnel's password is not as it was"
    );
    ensure!(*tunnel.assignment == *b"friendisp_lns1", "{tunnel:?}");
    Ok(())
}

fn unix() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn accounting() -> Result {
    let mut desk = Desk::new(SECRET)?;
    let now = Instant::now();
    let time = unix();
    let mut port = Port::new(SessionId(2));
    port.acct_session_id = acct_session_id(1, time).into();
    port.address = Some(Ipv4Addr::new(10, 0, 0, 7));
    port.routes = vec![Route4::new(Ipv4Addr::new(10, 1, 0, 0), 16)];
    port.calling = b"0412345678".as_slice().into();
    let statuses = [
        Status::Start,
        Status::Interim,
        Status::Stop(Some(Ended {
            cause: TerminateCause::IDLE_TIMEOUT,
            reason: "Idle Timeout Reached".into(),
        })),
    ];
    for status in statuses {
        let mut record = AccountingRequest::new(status, b"joe", port.clone(), now, time as u32);
        record.usage = Usage {
            input_octets: 0x1_0000_0002,
            output_octets: 4,
            input_packets: 5,
            output_packets: 6,
            seconds: 7,
        };
        record.class = vec![b"one".as_slice().into()];
        record.delegated = vec![Prefix6::new("2001:db8:77::".parse()?, 48)];
        record.interface_id = Some(9);
        desk.client.account(now, 1, record)?;
        let answer = desk.answer()?;
        ensure!(answer == Answer::Accounted, "{answer:?}");
    }
    let records = desk.radius.accounting()?;
    let [start, interim, stop] = records.as_slice() else {
        return Err(Error::new(format!("{records:?}")));
    };
    let id = acct_session_id(1, time);
    let check = |record: &Record, wanted: &[(&str, &str)]| -> Result {
        for (name, value) in wanted {
            ensure!(record.get(name) == Some(value), "{name}: {record:?}");
        }
        Ok(())
    };
    for (record, status) in [
        (start, "Start"),
        (interim, "Interim-Update"),
        (stop, "Stop"),
    ] {
        check(
            record,
            &[
                ("User-Name", "joe"),
                ("Acct-Status-Type", status),
                ("Acct-Session-Id", &id),
                ("NAS-Port", "2"),
                ("Framed-IP-Address", "10.0.0.7"),
                ("Framed-Route", "10.1.0.0/16 10.0.0.7 1"),
                ("Calling-Station-Id", "0412345678"),
                ("NAS-IP-Address", "10.9.0.1"),
                ("Class", "0x6f6e65"),
                ("Delegated-IPv6-Prefix", "2001:db8:77::/48"),
                ("Framed-Interface-Id", "0:0:0:9"),
                ("Acct-Authentic", "RADIUS"),
            ],
        )?;
        ensure!(record.get("Event-Timestamp").is_some(), "{record:?}");
    }
    check(start, &[("Acct-Delay-Time", "0")])?;
    ensure!(start.get("Acct-Session-Time").is_none(), "{start:?}");
    for record in [interim, stop] {
        check(
            record,
            &[
                ("Acct-Input-Octets", "2"),
                ("Acct-Input-Gigawords", "1"),
                ("Acct-Output-Octets", "4"),
                ("Acct-Output-Gigawords", "0"),
                ("Acct-Input-Packets", "5"),
                ("Acct-Output-Packets", "6"),
                ("Acct-Session-Time", "7"),
            ],
        )?;
    }
    check(
        stop,
        &[
            ("Acct-Terminate-Cause", "Idle-Timeout"),
            ("Cisco-AVPair", "disc-cause-ext=Idle Timeout Reached"),
        ],
    )
}

fn another_secret() -> Result {
    let mut desk = Desk::new(b"not it")?;
    let heard = desk.login(Method::Pap, "joe", "secret");
    ensure!(
        heard
            .as_ref()
            .is_err_and(|error| error.to_string().contains("TimedOut")),
        "{heard:?}"
    );
    Ok(())
}

/// Whether answers without Message-Authenticator are taken is ours to say.
fn an_old_server() -> Result {
    let mut desk = Desk::with(SECRET, Radius::start_old)?;
    let heard = desk.login(Method::Pap, "joe", "secret");
    let complaint = desk.client.poll_complaint();
    // Releases from 2024 on add it by themselves.
    match complaint {
        Some(complaint) => ensure!(
            complaint.fault == Fault::Unsigned && heard.is_err(),
            "{complaint}: {heard:?}"
        ),
        None => ensure!(heard.is_ok(), "{heard:?}"),
    }
    desk.config.require_message_authenticator = false;
    desk.client.configure(Instant::now(), desk.config.clone());
    for method in METHODS {
        let (answer, heard) = desk.login(method, "joe", "secret")?;
        ensure!(heard == Ok(()), "{method}: {heard:?}, {answer:?}");
    }
    Ok(())
}

/// FreeRADIUS's client disconnects and changes sessions of ours.
fn requests_to_us() -> Result {
    let netns = Netns::new()?;
    netns.ip("link set lo up")?;
    let files = wanbox_rig::TempDir::new()?;
    let request = files.path().join("request");
    let socket = netns.inside(|| {
        let socket = UdpSocket::bind("127.0.0.1:3799")?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    })?;
    let mut server = dae::Server::new(dae::Config {
        secret: SharedSecret::new(SECRET),
        ..dae::Config::default()
    });
    let time = unix();
    for (action, attributes, result, wanted) in [
        (
            "disconnect",
            "User-Name = joe".to_owned(),
            Ok(()),
            "Received Disconnect-ACK",
        ),
        (
            "disconnect",
            format!("NAS-Port = 7\nEvent-Timestamp = {time}\nMessage-Authenticator = 0x00"),
            Err(ErrorCause::SESSION_CONTEXT_NOT_FOUND),
            "Error-Cause = Session-Context-Not-Found",
        ),
        (
            "coa",
            "User-Name = joe\nFilter-Id = web.in\nCisco-AVPair = \"throttle=64\"".to_owned(),
            Ok(()),
            "Received CoA-ACK",
        ),
        (
            "coa",
            "Filter-Id = web.in".to_owned(),
            Ok(()),
            "Error-Cause = Missing-Attribute",
        ),
        (
            "coa",
            "User-Name = joe\nFilter-Id = web".to_owned(),
            Ok(()),
            "Error-Cause = Invalid-Request",
        ),
    ] {
        std::fs::write(&request, format!("{attributes}\n"))?;
        let program = find_tool("radclient").ok_or_else(|| Error::new("radclient is missing"))?;
        let mut command = Command::new(program);
        command
            .args(["-x", "-r", "1", "-t", "10", "-f"])
            .arg(&request)
            .args(["127.0.0.1:3799", action, std::str::from_utf8(SECRET)?])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = netns.spawn(&mut command)?;
        let mut buffer = [0; 4096];
        let mut octets = Vec::new();
        wait_for("radclient", LIMIT, || {
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                let taken = server.receive(Instant::now(), unix(), from, &buffer[..len]);
                if let Some(taken) = taken {
                    server.answer(taken.token, result);
                }
            }
            while let Some(to) = server.poll_transmit(&mut octets) {
                let _: usize = socket.send_to(&octets, to as SocketAddr)?;
            }
            Ok(child.try_wait()?)
        })?;
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(said.contains(wanted), "{action} {attributes}: {said}");
    }
    let stats = server.stats();
    ensure!(
        (stats.acknowledged, stats.refused, stats.bad_authenticator) == (2, 3, 0),
        "{stats:?}"
    );
    Ok(())
}
