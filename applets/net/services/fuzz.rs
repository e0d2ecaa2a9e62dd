//! Servers and clients whose other ends say anything, for fuzzing: nothing panics, nothing grows, nobody gets in.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_net_engine::{Frame, InterfaceId, Sink, Station};
use wanbox_net_tcp::Id;

use crate::{Notice, Services};

/// No line: everything is between us and ourselves.
struct NoLine;

impl Sink for NoLine {
    fn queued(&self, _line: InterfaceId) -> usize {
        0
    }

    fn transmit(&mut self, _frame: &Frame<'_>) {}
}

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// A port that the fuzzer serves.
const OTHERS: u16 = 99;
/// The most that may be in buffers: of three connections, both ends.
const MOST_MEMORY: usize = 64 << 10;

struct World {
    now: Instant,
    station: Station,
    services: Services,
    /// How much is read at once of what sessions show.
    room: usize,
}

impl World {
    fn turn(&mut self, time: Duration) {
        self.now += time;
        let (now, station, services) = (self.now, &mut self.station, &mut self.services);
        station.handle_timeout(now, &mut NoLine);
        if services.poll_timeout().is_some_and(|due| due <= now) {
            services.handle_timeout(now, station);
        }
        for _ in 0..16 {
            while let Some(event) = station.tcp.poll_event() {
                services.tcp_event(now, station, event);
            }
            services.settle(now, station);
            while let Some(notice) = services.poll_notice() {
                match notice {
                    Notice::Shown(id) => {
                        let mut out = Vec::new();
                        services.session_output(now, station, id, self.room, &mut out);
                        assert!(out.len() <= self.room + 1024, "{}", out.len());
                    }
                    Notice::GateOpen(id, _) => services.gate_opened(now, station, id),
                    Notice::GateReadable(id) => {
                        let waits = services.gate_peek(station, id).0.len();
                        services.gate_consume(now, station, id, waits);
                        services.gate_received(station, id, b"host");
                    }
                    Notice::LoginOpened(_) | Notice::Exit => unreachable!("nobody has a key"),
                    _ => {}
                }
            }
            station.flush(now, &mut NoLine);
        }
        assert!(station.tcp.memory() <= MOST_MEMORY);
    }

    fn read(&mut self, id: Id) {
        let mut octets = [0; 512];
        // It may be over.
        let _ = self.station.tcp.receive(id, &mut octets);
    }
}

/// A station with all servers and two sessions; the octets are what the other ends say, in pieces, each behind
/// an octet that says who speaks and how long nobody does.
pub fn fuzz_services(now: Instant, octets: &[u8]) {
    let mut number = 1u64;
    let entropy = move || {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        number
    };
    let (first, octets) = octets.split_first().unwrap_or((&0, &[]));
    let mut world = World {
        now,
        station: Station::new(now, 1_000_000, Box::new(entropy)),
        services: Services::default(),
        room: usize::from(*first) * 4,
    };
    let (station, services) = (&mut world.station, &mut world.services);
    services.preferences.options_shown = first % 2 == 1;
    let key = "nobody guesses this key".repeat(4);
    let ready = services.set_password(Some(&key)).is_ok()
        && ["telnet", "echo", "discard"]
            .iter()
            .all(|name| services.start(station, name, &[]).is_ok())
        && services.start(station, "tcpgate", &["3600"]).is_ok();
    let options = station.tcp.parameters().options;
    let listener = station.tcp.listen(None, OTHERS, 8, &options);
    let session = services.open_telnet(now, station, (HOST, OTHERS));
    let (true, Ok(listener), Ok(session)) = (ready, listener, session) else {
        return;
    };
    let mut ends = Vec::new();
    for port in [23, 7, 9, 3600] {
        ends.extend(station.tcp_connect(now, 0, (HOST, port), &options));
    }
    world.station.flush(now, &mut NoLine);
    world.turn(Duration::from_millis(200));
    ends.extend(world.station.tcp.accept(listener));
    for piece in octets.chunks(17) {
        let (control, piece) = piece.split_first().unwrap_or((&0, &[]));
        let Some(&end) = ends.get(usize::from(control % 8)) else {
            let keys = piece;
            world
                .services
                .type_keys(world.now, &mut world.station, session, keys);
            world.turn(Duration::from_secs(u64::from(control >> 3)));
            continue;
        };
        // It may be full, or over.
        let _ = world.station.tcp.send(end, piece);
        if control & 0x80 != 0 {
            world.read(end);
        }
        world.turn(Duration::from_millis(u64::from(control >> 3 & 0xf) * 20));
    }
    for end in ends {
        // It may be over.
        let _ = world.station.tcp.abort(end);
        let _ = world.station.tcp.release(world.now, end);
    }
    world.station.flush(world.now, &mut NoLine);
    for _ in 0..4 {
        world.turn(Duration::from_secs(300));
    }
    // Everybody is gone, whatever was said: but for a session that has something to show to nobody.
    assert_eq!(world.services.poll_timeout(), None);
}
