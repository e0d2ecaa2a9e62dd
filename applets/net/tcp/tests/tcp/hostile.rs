//! Whatever comes in: no panic, bounded memory, and what is there goes on.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use wanbox_net_tcp::{
    Endpoint, Event, Incoming, Key, Offload, Options, Parameters, Quote, Reason, Tcp, fuzz_tcp,
};
use wanbox_sim::{Clock, Random, for_each_seed, random_frames};
use wanbox_wire::ip::{TcpFlags, TcpOptions, TcpRepr};

use crate::peer::addr;

const NO_CHECK: Incoming = Incoming {
    src: IpAddr::V4(Ipv4Addr::new(44, 128, 4, 5)),
    dst: IpAddr::V4(Ipv4Addr::new(44, 128, 4, 4)),
    tos: 0,
    checksum_is_valid: true,
    mtu: 0,
};

fn segment(port: u16, seq: u32, ack: u32, flags: TcpFlags, text: usize) -> Vec<u8> {
    let mut octets = vec![0; 20 + text];
    let header = TcpRepr {
        src_port: port,
        dst_port: 23,
        seq,
        ack,
        flags,
        window: 4000,
    };
    header.emit_with(&mut octets, 0, 0).unwrap();
    octets
}

fn engine(now: Instant, parameters: Parameters) -> Tcp {
    Tcp::new(now, Key([3, 4]), parameters)
}

fn transmit(tcp: &mut Tcp, now: Instant) -> Vec<Vec<u8>> {
    let mut buffer = [0; 2048];
    let mut sent = Vec::new();
    while let Some(out) = tcp.poll_transmit(now, &mut buffer, Offload::default()) {
        sent.push(buffer[..out.len].to_vec());
        assert!(sent.len() < 100_000, "it sends without end");
    }
    sent
}

#[test]
fn arbitrary_histories() {
    let now = Clock::new().now();
    let mut octets = [0; 512];
    for_each_seed(random_frames() / 200, |seed| {
        let mut random = Random::new(seed);
        let len = random.below(octets.len() as u64 + 1) as usize;
        random.fill(&mut octets[..len]);
        fuzz_tcp(now, &octets[..len]);
    });
}

/// Histories that get somewhere, with damage.
#[test]
fn damaged_histories() {
    let now = Clock::new().now();
    let histories: [&[u8]; 3] = [
        include_bytes!("../../../../../tests/fuzz/corpus/tcp/client"),
        include_bytes!("../../../../../tests/fuzz/corpus/tcp/server"),
        include_bytes!("../../../../../tests/fuzz/corpus/tcp/losses"),
    ];
    for history in histories {
        for len in 0..=history.len() {
            fuzz_tcp(now, &history[..len]);
        }
    }
    for_each_seed(random_frames() / 200, |seed| {
        let mut random = Random::new(seed);
        let mut history = random.pick::<&[u8]>(&histories).to_vec();
        random.damage(&mut history);
        let more: &[u8] = random.pick::<&[u8]>(&histories);
        history.extend_from_slice(more);
        random.damage(&mut history);
        fuzz_tcp(now, &history);
    });
}

#[test]
fn a_flood_of_syn_is_answered_with_cookies() {
    let mut clock = Clock::new();
    let mut tcp = engine(clock.now(), Parameters::default());
    let server = tcp.listen(None, 23, 16, &Options::default()).unwrap();
    let before = tcp.memory();
    for port in 1..=20_000 {
        tcp.segment(
            clock.now(),
            &NO_CHECK,
            &segment(port, 7, 0, TcpFlags::SYN, 0),
        );
        transmit(&mut tcp, clock.now());
        clock.advance(Duration::from_micros(50));
    }
    assert_eq!(tcp.listener(server).unwrap().half_open(), 16);
    assert_eq!(tcp.counters().cookies_sent, 20_000 - 16);
    assert!(tcp.memory() - before < 16 * 2048);

    // Somebody real gets through.
    let now = clock.now();
    tcp.segment(now, &NO_CHECK, &segment(30_000, 100, 0, TcpFlags::SYN, 0));
    let answers = transmit(&mut tcp, now);
    let answer = wanbox_wire::ip::Tcp::parse(&answers[0]).unwrap();
    assert_eq!(TcpOptions::parse(&answer).unwrap().mss, Some(512));
    let ack = answer.seq().wrapping_add(1);
    tcp.segment(
        now,
        &NO_CHECK,
        &segment(30_000, 101, ack, TcpFlags::ACK, 10),
    );
    assert_eq!(tcp.poll_event(), Some(Event::Incoming(server)));
    let id = tcp.accept(server).unwrap();
    assert_eq!(tcp.receive(id, &mut [0; 100]), Ok(10));
    assert_eq!(tcp.counters().cookies_accepted, 1);
    // Who guesses does not.
    for ack in 0..10_000 {
        tcp.segment(now, &NO_CHECK, &segment(40_000, 101, ack, TcpFlags::ACK, 0));
        transmit(&mut tcp, now);
    }
    assert_eq!(tcp.counters().cookies_accepted, 1);
    assert_eq!(tcp.counters().cookies_bad, 10_000);

    // The half-open ones go away.
    for _ in 0..40 {
        clock.advance(Duration::from_secs(60));
        tcp.handle_timeout(clock.now());
        transmit(&mut tcp, clock.now());
    }
    assert_eq!(tcp.listener(server).unwrap().half_open(), 0);
    assert_eq!(tcp.len(), 1);
}

#[test]
fn connections_nobody_accepts_are_bounded() {
    let clock = Clock::new();
    let now = clock.now();
    let mut tcp = engine(now, Parameters::default());
    let server = tcp.listen(None, 23, 4, &Options::default()).unwrap();
    for port in 1..=100 {
        tcp.segment(now, &NO_CHECK, &segment(port, 7, 0, TcpFlags::SYN, 0));
        for answer in transmit(&mut tcp, now) {
            let ack = wanbox_wire::ip::Tcp::parse(&answer).unwrap().seq();
            let ack = ack.wrapping_add(1);
            tcp.segment(now, &NO_CHECK, &segment(port, 8, ack, TcpFlags::ACK, 0));
        }
    }
    assert_eq!(tcp.listener(server).unwrap().waiting(), 4);
    assert_eq!(tcp.counters().backlog_full, 96);
    assert_eq!(tcp.len(), 4);
    // One of them is reset before it is accepted.
    tcp.segment(now, &NO_CHECK, &segment(2, 8, 0, TcpFlags::RST, 0));
    assert_eq!(tcp.listener(server).unwrap().waiting(), 3);
    tcp.unlisten(server).unwrap();
    assert_eq!(tcp.len(), 0);
    let resets = transmit(&mut tcp, now);
    assert_eq!(resets.len(), 3);
}

#[test]
fn too_many_connections() {
    let mut clock = Clock::new();
    let parameters = Parameters {
        connections: 10,
        ..Parameters::default()
    };
    let mut tcp = engine(clock.now(), parameters);
    let open = |tcp: &mut Tcp, now| {
        tcp.connect(
            now,
            Endpoint::new(addr(4), 0),
            Endpoint::new(addr(5), 23),
            &Options::default(),
            0,
        )
    };
    let ids: Vec<_> = (0..10)
        .map(|_| open(&mut tcp, clock.now()).unwrap())
        .collect();
    assert_eq!(
        open(&mut tcp, clock.now()),
        Err(wanbox_net_tcp::Error::TooMany)
    );
    assert_eq!(tcp.counters().too_many_connections, 1);
    for id in ids {
        tcp.abort(id).unwrap();
        tcp.release(clock.now(), id).unwrap();
        assert_eq!(
            tcp.release(clock.now(), id),
            Err(wanbox_net_tcp::Error::Unknown)
        );
    }
    clock.advance(Duration::from_secs(1));
    assert!(tcp.is_empty());
    assert!(open(&mut tcp, clock.now()).is_ok());
}

#[test]
fn buffers_are_bounded() {
    let now = Clock::new().now();
    let parameters = Parameters {
        buffers: 10_000,
        options: Options {
            window: 60_000,
            ..Options::default()
        },
        ..Parameters::default()
    };
    let mut tcp = engine(now, parameters);
    let server = tcp.listen(None, 23, 4, &parameters.options).unwrap();
    tcp.segment(now, &NO_CHECK, &segment(9, 7, 0, TcpFlags::SYN, 0));
    let answers = transmit(&mut tcp, now);
    let ack = wanbox_wire::ip::Tcp::parse(&answers[0]).unwrap().seq();
    let ack = ack.wrapping_add(1);
    tcp.segment(now, &NO_CHECK, &segment(9, 8, ack, TcpFlags::ACK, 0));
    let id = tcp.accept(server).unwrap();
    // Far out in the window, where it would need all of it.
    tcp.segment(now, &NO_CHECK, &segment(9, 50_000, ack, TcpFlags::ACK, 100));
    assert_eq!(tcp.counters().no_memory, 1);
    // Many holes.
    for hole in 0..200 {
        let seq = 10 + hole * 20;
        tcp.segment(now, &NO_CHECK, &segment(9, seq, ack, TcpFlags::ACK, 10));
    }
    assert!(tcp.counters().too_many_holes > 100);
    assert!(tcp.holes(id).len() <= 64);
    // What is in order still comes in.
    tcp.segment(now, &NO_CHECK, &segment(9, 8, ack, TcpFlags::ACK, 1000));
    assert!(tcp.receive(id, &mut [0; 4000]).unwrap() >= 1000);
    assert_eq!(tcp.send(id, &[0; 9000]), Ok(0));
    assert!(tcp.memory() < 20_000);
}

#[test]
fn wrong_addresses_and_checksums_are_counted() {
    let now = Clock::new().now();
    let mut tcp = engine(now, Parameters::default());
    let syn = segment(9, 7, 0, TcpFlags::SYN, 0);
    for src in [[224, 0, 0, 1], [255, 255, 255, 255], [0, 0, 0, 0]] {
        let mut incoming = NO_CHECK;
        incoming.src = Ipv4Addr::from(src).into();
        tcp.segment(now, &incoming, &syn);
        (incoming.src, incoming.dst) = (NO_CHECK.dst, incoming.src);
        tcp.segment(now, &incoming, &syn);
    }
    tcp.segment(now, &NO_CHECK, &segment(0, 7, 0, TcpFlags::SYN, 0));
    assert_eq!(tcp.counters().bad_address, 7);
    let mut incoming = NO_CHECK;
    incoming.checksum_is_valid = false;
    tcp.segment(now, &incoming, &syn);
    tcp.segment(now, &incoming, &syn[..19]);
    let mut malformed = segment(9, 7, 0, TcpFlags::SYN, 4);
    malformed[12] = 0x60;
    malformed[20..].copy_from_slice(&[2, 9, 0, 0]);
    tcp.segment(now, &NO_CHECK, &malformed);
    let counters = tcp.counters();
    assert_eq!(
        (counters.bad_checksum, counters.malformed, counters.in_errs),
        (1, 2, 3)
    );
    assert_eq!(transmit(&mut tcp, now).len(), 0);
    // Answers to strangers are bounded, too.
    for port in 1..1000 {
        tcp.segment(now, &NO_CHECK, &segment(port, 7, 0, TcpFlags::SYN, 0));
    }
    assert_eq!(transmit(&mut tcp, now).len(), 256);
    assert_eq!(tcp.counters().answers_suppressed, 999 - 256);
}

#[test]
fn what_icmp_says() {
    let now = Clock::new().now();
    let mut tcp = engine(now, Parameters::default());
    let options = Options::default();
    let mut open = || {
        tcp.connect(
            now,
            Endpoint::new(addr(4), 1000),
            Endpoint::new(addr(5), 2000),
            &options,
            0,
        )
    };
    let id = open().unwrap();
    let syn = transmit(&mut tcp, now).remove(0);
    let mut quote = Quote {
        src: addr(4),
        dst: addr(5),
        octets: &syn[..8],
    };
    // About a segment that is not under way.
    let mut forged = syn.clone();
    forged[7] ^= 0x55;
    quote.octets = &forged;
    tcp.unreachable(&quote, true);
    quote.octets = &syn[..7];
    tcp.unreachable(&quote, true);
    assert_eq!(tcp.counters().bad_icmp, 2);
    // Soft errors are counted; a refused port ends what is not there yet.
    quote.octets = &syn[..8];
    tcp.unreachable(&quote, false);
    tcp.source_quench(&quote);
    let view = tcp.view(now, id).unwrap();
    assert_eq!((view.unreachables, view.source_quenches), (1, 1));
    tcp.unreachable(&quote, true);
    assert_eq!(
        tcp.poll_event(),
        Some(Event::Closed(id, Reason::Unreachable))
    );
}

#[test]
fn paths_that_carry_less() {
    let now = Clock::new().now();
    let options = Options {
        mss: 1460,
        window: 60_000,
        ..Options::default()
    };
    let mut tcp = engine(now, Parameters::default());
    let server = tcp.listen(None, 23, 4, &options).unwrap();
    let mut syn = segment(9, 7, 0, TcpFlags::SYN, 4);
    syn[12] = 0x60;
    syn[20..].copy_from_slice(&[2, 4, 5, 0xb4]);
    let mut incoming = NO_CHECK;
    incoming.mtu = 1500;
    tcp.segment(now, &incoming, &syn);
    let answers = transmit(&mut tcp, now);
    let ack = wanbox_wire::ip::Tcp::parse(&answers[0]).unwrap().seq();
    let ack = ack.wrapping_add(1);
    tcp.segment(now, &incoming, &segment(9, 8, ack, TcpFlags::ACK, 0));
    let id = tcp.accept(server).unwrap();
    assert_eq!(tcp.send(id, &[1; 4000]), Ok(4000));
    let sent = transmit(&mut tcp, now);
    assert_eq!(sent[0].len(), 1480);
    let quote = Quote {
        src: addr(4),
        dst: addr(5),
        octets: &sent[0][..8],
    };
    tcp.too_big(now, &quote, 576);
    let sent = transmit(&mut tcp, now);
    assert_eq!(sent[0].len(), 556);
    assert_eq!(tcp.view(now, id).unwrap().send_mss, 536);
    // Larger than now, or absurd: not believed, or not wholly.
    tcp.too_big(now, &quote, 1400);
    assert_eq!(tcp.view(now, id).unwrap().send_mss, 536);
    tcp.too_big(now, &quote, 20);
    assert_eq!(tcp.view(now, id).unwrap().send_mss, 64);
    assert_eq!(tcp.paths()[0].1.mtu(), Some(68));
    assert_eq!(tcp.counters().path_mtu_lowered, 2);
}
