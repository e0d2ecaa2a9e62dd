use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use proptest::prelude::*;
use simple_dns::rdata::{A, AAAA, CNAME, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

use super::message::{Kind, Reply, query, read_reply};
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// A reply to `query` with these records, owner before data.
fn answer(query: &[u8], rcode: RCODE, records: &[(&'static str, RData<'static>)]) -> Vec<u8> {
    let asked = Packet::parse(query).unwrap();
    let mut reply = Packet::new_reply(asked.id());
    reply.questions = asked.questions.clone();
    *reply.rcode_mut() = rcode;
    for (owner, data) in records {
        let owner = Name::new_unchecked(owner);
        reply
            .answers
            .push(ResourceRecord::new(owner, CLASS::IN, 60, data.clone()));
    }
    reply.build_bytes_vec_compressed().unwrap()
}

fn v4(last: u8) -> RData<'static> {
    RData::A(A {
        address: Ipv4Addr::new(192, 0, 2, last).into(),
    })
}

fn v6() -> RData<'static> {
    RData::AAAA(AAAA {
        address: "2001:db8::1".parse::<Ipv6Addr>().unwrap().into(),
    })
}

fn alias(target: &'static str) -> RData<'static> {
    RData::CNAME(CNAME(Name::new_unchecked(target)))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What the fake server says, over UDP or TCP.
fn serve(octets: &[u8], tcp: bool) -> Vec<Vec<u8>> {
    let packet = Packet::parse(octets).unwrap();
    let name = packet.questions[0].qname.to_string().to_ascii_lowercase();
    let wants_v4 = packet.questions[0].qtype == QTYPE::TYPE(TYPE::A);
    let ok = |records: &[_]| vec![answer(octets, RCODE::NoError, records)];
    match (name.as_str(), wants_v4) {
        ("a.example", true) => ok(&[("A.Example", v4(1)), ("other.example", v4(66))]),
        ("a.example", false) => ok(&[("a.example", v6())]),
        ("alias.example", true) => ok(&[
            ("two.example", v4(2)),
            ("alias.example", alias("one.example")),
            ("one.example", alias("two.example")),
        ]),
        ("far.example", true) => ok(&[("far.example", alias("a.example"))]),
        ("circle.example", true) => ok(&[("circle.example", alias("circle.example"))]),
        ("endless.example", true) => ok(&[("endless.example", alias("endless2.example"))]),
        ("endless2.example", true) => ok(&[("endless2.example", alias("endless.example"))]),
        ("big.example", true) if tcp => {
            let records: Vec<_> = (0..200).map(|last| ("big.example", v4(last))).collect();
            ok(&records)
        }
        ("big.example" | "cut.example", true) => {
            let mut reply = ok(&[]);
            reply[0][2] |= 0x02;
            reply
        }
        ("short.example", true) => ok(&[]),
        ("short.lan.example", true) => ok(&[("short.lan.example", v4(3))]),
        ("forged.example", true) => {
            let right = ok(&[("forged.example", v4(4))]).remove(0);
            let mut wrong_id = ok(&[("forged.example", v4(66))]).remove(0);
            wrong_id[0] ^= 0x55;
            let asked_otherwise = query(packet.id(), "a.example", Kind::A).unwrap();
            let other_question = answer(
                &asked_otherwise,
                RCODE::NoError,
                &[("forged.example", v4(66))],
            );
            let echo = octets.to_vec();
            vec![wrong_id, other_question, echo, b"junk".to_vec(), right]
        }
        ("refused.example", _) => vec![answer(octets, RCODE::Refused, &[])],
        ("silent.example", _) => vec![],
        ("alias.example" | "big.example", false) => ok(&[]),
        _ => vec![answer(octets, RCODE::NameError, &[])],
    }
}

/// A DNS server on 127.0.0.1, its settings in a directory of its own.
struct Rig {
    directory: PathBuf,
    settings: Settings,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// The source ports and identifiers of all queries.
    seen: Arc<Mutex<Vec<(u16, u16)>>>,
}

impl Rig {
    fn new(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("wanbox-dns-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        let settings = Settings {
            hosts: directory.join("hosts"),
            resolv_conf: directory.join("resolv.conf"),
            port,
        };
        fs::write(&settings.hosts, "192.0.2.99 static.example here\n").unwrap();
        fs::write(
            &settings.resolv_conf,
            "nameserver 127.0.0.1\nsearch lan.example\noptions timeout:1 attempts:1\n",
        )
        .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let threads = vec![
            std::thread::spawn({
                let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
                move || serve_udp(&udp, &stop, &seen)
            }),
            std::thread::spawn({
                let stop = Arc::clone(&stop);
                move || serve_tcp(&tcp, &stop)
            }),
        ];
        Self {
            directory,
            settings,
            stop,
            threads,
            seen,
        }
    }

    fn resolve(&self, name: &str, family: Family) -> Outcome {
        resolve(name, family, &self.settings, PATIENCE)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let server = ("127.0.0.1", self.settings.port);
        // Wakes both threads.
        drop(TcpStream::connect(server).unwrap());
        let waker = UdpSocket::bind("127.0.0.1:0").unwrap();
        waker.send_to(b"", server).unwrap();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

fn serve_udp(socket: &UdpSocket, stop: &AtomicBool, seen: &Mutex<Vec<(u16, u16)>>) {
    let mut octets = [0; 2048];
    loop {
        let (count, peer) = socket.recv_from(&mut octets).unwrap();
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let query = &octets[..count];
        let id = u16::from_be_bytes([query[0], query[1]]);
        seen.lock().unwrap().push((peer.port(), id));
        for reply in serve(query, false) {
            // The querier may have what it wants already.
            let _ = socket.send_to(&reply, peer);
        }
    }
}

fn serve_tcp(listener: &TcpListener, stop: &AtomicBool) {
    loop {
        let (mut stream, _) = listener.accept().unwrap();
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut query = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut query).unwrap();
        for reply in serve(&query, true) {
            let mut framed = (reply.len() as u16).to_be_bytes().to_vec();
            framed.extend_from_slice(&reply);
            // In two parts, as a network may.
            let (first, second) = framed.split_at(framed.len() / 2);
            stream.write_all(first).unwrap();
            stream.flush().unwrap();
            stream.write_all(second).unwrap();
        }
    }
}

#[test]
fn finds_addresses_of_either_family() {
    let rig = Rig::new("families");
    let both = [address("192.0.2.1"), address("2001:db8::1")];
    assert_eq!(rig.resolve("a.example", Family::Any).unwrap(), both);
    assert_eq!(rig.resolve("A.EXAMPLE.", Family::V4).unwrap(), both[..1]);
    assert_eq!(rig.resolve("a.example", Family::V6).unwrap(), both[1..]);
    let error = rig.resolve("alias.example", Family::V6).unwrap_err();
    assert_eq!(error.to_string(), "alias.example has no IPv6 address");
}

#[test]
fn follows_aliases() {
    let rig = Rig::new("aliases");
    let found = rig.resolve("alias.example", Family::V4).unwrap();
    assert_eq!(found, [address("192.0.2.2")]);
    let found = rig.resolve("far.example", Family::V4).unwrap();
    assert_eq!(found, [address("192.0.2.1")]);
    for name in ["circle.example", "endless.example"] {
        let error = rig.resolve(name, Family::V4).unwrap_err();
        assert!(
            matches!(error, ResolveError::ServerFailed { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("alias"), "{error}");
    }
}

#[test]
fn fetches_what_was_truncated_over_tcp() {
    let rig = Rig::new("tcp");
    let found = rig.resolve("big.example", Family::V4).unwrap();
    assert_eq!(found.len(), 200);
    let error = rig.resolve("cut.example", Family::V4).unwrap_err();
    assert!(error.to_string().contains("truncated"), "{error}");
}

#[test]
fn the_search_list_completes_short_names() {
    let rig = Rig::new("search");
    let found = rig.resolve("short", Family::V4).unwrap();
    assert_eq!(found, [address("192.0.2.3")]);
    let error = rig.resolve("nobody.example", Family::Any).unwrap_err();
    assert_eq!(error.to_string(), "no host is called nobody.example");
}

#[test]
fn forged_answers_are_passed_over_and_counted() {
    let rig = Rig::new("forged");
    let mut lp = Loop::new().unwrap();
    let mut waiting = Waiting(Resolver::new(3, rig.settings.clone()));
    let id = waiting
        .0
        .start(&mut lp, "forged.example", Family::V4)
        .unwrap();
    let (other, outcome) = loop {
        if let Some(outcome) = waiting.0.poll_outcome() {
            break outcome;
        }
        lp.turn(&mut waiting, Some(Instant::now() + PATIENCE))
            .unwrap();
    };
    assert_eq!(id, other);
    assert_eq!(outcome.unwrap(), [address("192.0.2.4")]);
    assert_eq!(waiting.0.foreign(), 4);
}

#[test]
fn every_query_has_its_own_port_and_identifier() {
    let rig = Rig::new("random");
    for _ in 0..30 {
        rig.resolve("a.example", Family::V4).unwrap();
    }
    let seen = rig.seen.lock().unwrap();
    let ports: HashSet<_> = seen.iter().map(|(port, _)| port).collect();
    let ids: HashSet<_> = seen.iter().map(|(_, id)| id).collect();
    assert_eq!(seen.len(), 30);
    assert!(ports.len() > 20 && ids.len() > 20, "{seen:?}");
}

#[test]
fn names_that_need_no_server() {
    let rig = Rig::new("local");
    let found = |name, family| rig.resolve(name, family).unwrap();
    assert_eq!(found("Here", Family::Any), [address("192.0.2.99")]);
    assert_eq!(found("10.1.2.3", Family::Any), [address("10.1.2.3")]);
    assert_eq!(found("::1", Family::V6), [address("::1")]);
    assert_eq!(found("localhost", Family::V4), [address("127.0.0.1")]);
    assert_eq!(found("x.localhost.", Family::V6), [address("::1")]);
    assert!(rig.seen.lock().unwrap().is_empty());
    let error = rig.resolve("10.1.2.3", Family::V6).unwrap_err();
    assert_eq!(error.to_string(), "10.1.2.3 has no IPv6 address");
    let error = rig.resolve("a b\n", Family::Any).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("\"a b\\n\" is not a host name")
    );
}

#[test]
fn a_silent_server_holds_up_nothing() {
    let rig = Rig::new("silent");
    let mut lp = Loop::new().unwrap();
    let mut waiting = Waiting(Resolver::new(3, rig.settings.clone()));
    let start = Instant::now();
    let silent = waiting
        .0
        .start(&mut lp, "silent.example", Family::V4)
        .unwrap();
    let gone = waiting
        .0
        .start(&mut lp, "silent.example", Family::V4)
        .unwrap();
    let quick = waiting.0.start(&mut lp, "a.example", Family::V4).unwrap();
    let here = waiting.0.start(&mut lp, "here", Family::V4).unwrap();
    assert!(start.elapsed() < SECOND);
    waiting.0.cancel(&mut lp, gone);
    let mut order = Vec::new();
    while order.len() < 3 {
        lp.turn(&mut waiting, Some(Instant::now() + PATIENCE))
            .unwrap();
        order.extend(std::iter::from_fn(|| waiting.0.poll_outcome()));
    }
    let ids: Vec<_> = order.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [here, quick, silent]);
    let error = order.pop().unwrap().1.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("did not answer for silent.example")
            || matches!(&error, ResolveError::TimedOut(name) if name == "silent.example"),
        "{error}"
    );
    assert!(start.elapsed() >= SECOND);
}

#[test]
fn too_many_lookups_are_refused() {
    let rig = Rig::new("busy");
    let mut lp = Loop::new().unwrap();
    let mut resolver = Resolver::new(3, rig.settings.clone());
    for _ in 0..MAX_LOOKUPS {
        resolver
            .start(&mut lp, "silent.example", Family::V4)
            .unwrap();
    }
    let error = resolver
        .start(&mut lp, "silent.example", Family::V4)
        .unwrap_err();
    assert!(matches!(error, ResolveError::Busy));
}

#[test]
fn nobody_at_the_servers_port() {
    let rig = Rig::new("nobody");
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut settings = rig.settings.clone();
    settings.port = free.local_addr().unwrap().port();
    drop(free);
    let error = resolve("a.example", Family::V4, &settings, PATIENCE).unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
}

/// A lookup under a virtual clock.
fn begin(now: Instant, resolv_conf: &str, name: &str, family: Family) -> Lookup {
    Lookup::new(now, Config::parse(resolv_conf, 53), name, family, 42)
}

#[test]
fn goes_through_the_servers_in_turn() {
    let start = Instant::now();
    let conf = "nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions timeout:3 attempts:2";
    let mut lookup = begin(start, conf, "a.example", Family::V4);
    let mut now = start;
    for server in ["192.0.2.1:53", "192.0.2.2:53"].repeat(2) {
        let transmit = lookup.poll_transmit().unwrap();
        assert_eq!(transmit.server, server.parse().unwrap());
        assert_eq!(transmit.transport, Transport::Udp);
        assert_eq!(lookup.poll_transmit(), None);
        assert_eq!(lookup.poll_timeout(), Some(now + 3 * SECOND));
        lookup.handle_timeout(now + SECOND);
        assert_eq!(lookup.poll_transmit(), None, "early");
        now += 3 * SECOND;
        lookup.handle_timeout(now);
    }
    assert_eq!(lookup.poll_timeout(), None);
    let error = lookup.poll_outcome().unwrap().unwrap_err();
    assert!(matches!(error, ResolveError::TimedOut(_)), "{error}");
    assert!(lookup.poll_outcome().is_none());
}

#[test]
fn a_server_that_refuses_is_left_for_the_next() {
    let now = Instant::now();
    let conf = "nameserver 192.0.2.1\nnameserver 192.0.2.2\noptions attempts:1";
    let mut lookup = begin(now, conf, "refused.example", Family::V4);
    let first = lookup.poll_transmit().unwrap();
    lookup.receive(now, &serve(&first.message, false)[0]);
    let second = lookup.poll_transmit().unwrap();
    assert_ne!(first.server, second.server);
    assert_ne!(first.message[..2], second.message[..2]);
    // Late or replayed answers to the first query count no more.
    lookup.receive(now, &serve(&first.message, false)[0]);
    assert_eq!(lookup.foreign, 1);
    lookup.receive(now, &serve(&second.message, false)[0]);
    let error = lookup.poll_outcome().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the name server did not answer for refused.example: refused"
    );
}

#[test]
fn addresses_of_one_family_are_enough() {
    let now = Instant::now();
    let mut lookup = begin(
        now,
        "options timeout:1 attempts:1",
        "a.example",
        Family::Any,
    );
    let first = lookup.poll_transmit().unwrap();
    lookup.receive(now, &serve(&first.message, false)[0]);
    assert!(lookup.poll_transmit().is_some());
    lookup.handle_timeout(now + SECOND);
    assert_eq!(
        lookup.poll_outcome().unwrap().unwrap(),
        [address("192.0.2.1")]
    );
}

#[test]
fn counts_that_cannot_be_are_not_believed() {
    let asked = query(7, "a.example", Kind::A).unwrap();
    let mut reply = answer(&asked, RCODE::NoError, &[("a.example", v4(1))]);
    assert!(matches!(
        read_reply(&reply, 7, "a.example", Kind::A),
        Reply::Addresses(_)
    ));
    // 65535 answers in a message of some tens of octets.
    reply[6] = 0xff;
    reply[7] = 0xff;
    assert_eq!(read_reply(&reply, 7, "a.example", Kind::A), Reply::Foreign);
}

#[test]
fn the_query_is_as_rfc_1035_has_it() {
    let octets = query(0x1234, "a.example", Kind::Aaaa).unwrap();
    let mut want = vec![0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
    want.extend_from_slice(b"\x01a\x07example\x00\x00\x1c\x00\x01");
    assert_eq!(octets, want);
    let packet = Packet::parse(&octets).unwrap();
    assert!(packet.has_flags(PacketFlag::RECURSION_DESIRED));
}

proptest! {
    #[test]
    fn no_octets_disturb_the_reader(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_reply(&octets);
    }

    #[test]
    fn no_damaged_reply_disturbs_the_reader(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let asked = query(7, "a.example", Kind::A).unwrap();
        let mut reply = answer(
            &asked,
            RCODE::NoError,
            &[("a.example", alias("b.example")), ("b.example", v4(1))],
        );
        for (place, value) in damage {
            let place = place.index(reply.len());
            reply[place] = value;
        }
        fuzz_reply(&reply);
        fuzz_reply(&reply[..cut.index(reply.len())]);
    }
}
