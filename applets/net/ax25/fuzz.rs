//! A station that gets any frames, for fuzzing: nothing panics, what leaves is well formed, and all is bounded.

use std::time::{Duration, Instant};

use wanbox_wire::ax25::{Call, Class, Digi, Header, pid};

use crate::connection::Parameters;
use crate::{Ax25, Digipeat, Event, Port, PortSettings};

/// Who is on the air.
const CALLS: [Call; 8] = [
    Call::named(*b"DB0ID "),
    Call::named(*b"DB0ID ").with_ssid(2),
    Call::named(*b"N0PRA "),
    Call::named(*b"DK5SG "),
    Call::QST,
    Call::NODES,
    Call::NONE,
    Call::named(*b"DB0ID ").with_ssid(7),
];

fn some_call(octet: u8) -> Call {
    CALLS
        .get(usize::from(octet) % CALLS.len())
        .copied()
        .unwrap_or(Call::NONE)
}

/// Any octets as frames, one behind the other, with what a station is asked for in between. Three octets say how
/// long a frame is, what is done, and how much time passes.
pub fn fuzz_ax25_station(now: Instant, octets: &[u8]) {
    let mut ax25 = Ax25::new(now, Parameters::default());
    for (port, call) in [(Port(0), some_call(0)), (Port(1), some_call(1))] {
        let settings = PortSettings {
            call,
            datagram: port == Port(0),
            forward: None,
        };
        ax25.set_port(port, settings);
    }
    ax25.register(some_call(7));
    ax25.monitor(true);
    ax25.routes.default = Some(Port(0));
    let (mut now, mut rest) = (now, octets);
    let mut links = Vec::new();
    while let Some((&[len, how, pass], behind)) = rest.split_first_chunk::<3>() {
        let (unit, next) = behind.split_at(usize::from(len % 64).min(behind.len()));
        rest = next;
        let port = Port(u16::from(how & 1));
        let link = links.get(usize::from(pass) % links.len().max(1)).copied();
        match (how >> 1 & 7, link) {
            (0, _) => {
                ax25.receive(now, port, unit);
            }
            (1, Some(link)) => {
                // Refused where it is not connected.
                let _ = ax25.send(now, link, pid::TEXT, unit);
            }
            (2, Some(link)) => {
                ax25.read(link, &mut Vec::new());
            }
            (3, Some(link)) if how & 0x40 == 0 => ax25.close(now, link),
            (3, Some(link)) => {
                ax25.reset(now, link);
                ax25.release(now, link);
                links.retain(|known| *known != link);
            }
            (4, _) => {
                ax25.send_packet(now, some_call(how >> 4), pid::IP, unit);
            }
            (5, None) => {
                if let Ok(link) = ax25.connect(now, None, some_call(pass), &[], None) {
                    links.push(link);
                }
            }
            _ => {
                ax25.receive(now, port, &plausible(how, unit));
            }
        }
        ax25.digipeat = match pass & 3 {
            0 => Digipeat::Off,
            1 => Digipeat::Repeat,
            _ => Digipeat::Link,
        };
        ax25.listens = pass & 4 != 0;
        now += Duration::from_millis(u64::from(pass) * u64::from(pass));
        ax25.handle_timeout(now);
        drain(&mut ax25, now, &mut links);
    }
    assert!(ax25.link_count() <= octets.len());
    assert!(ax25.queued(Port(0)) + ax25.queued(Port(1)) == 0);
}

/// A frame whose header is right: an octet an address, then what is behind the header.
fn plausible(how: u8, unit: &[u8]) -> Vec<u8> {
    let (addresses, behind) = unit.split_at(unit.len().min(2 + usize::from(how >> 6)));
    let mut addresses = addresses.iter().copied();
    let mut header = Header::new(
        some_call(addresses.next().unwrap_or(0)),
        some_call(addresses.next().unwrap_or(2)),
        match how >> 4 & 3 {
            0 => Class::Unknown,
            1 => Class::Response,
            _ => Class::Command,
        },
    );
    for octet in addresses {
        let digi = Digi {
            call: some_call(octet),
            repeated: octet & 0x80 != 0,
        };
        if !header.digis.push(digi) {
            break;
        }
    }
    let mut frame = Vec::new();
    header.append(&mut frame);
    frame.extend_from_slice(behind);
    frame
}

/// Takes all that the station has for others.
fn drain(ax25: &mut Ax25, now: Instant, links: &mut Vec<crate::LinkId>) {
    let mut frame = Vec::new();
    let mut frames = 0;
    while ax25.poll_transmit(now, &mut |_| true, &mut frame).is_some() {
        assert!(Header::parse(&frame).is_ok_and(|(_, rest)| !rest.is_empty()));
        frames += 1;
        assert!(frames < 100_000, "it never ends");
    }
    let mut octets = Vec::new();
    while ax25.poll_packet(&mut octets).is_some() {}
    while ax25.poll_monitor(&mut octets).is_some() {}
    while let Some(event) = ax25.poll_event() {
        match event {
            Event::Incoming(link) => links.push(link),
            Event::Down { link, .. } if links.contains(&link) => {
                ax25.release(now, link);
                links.retain(|known| *known != link);
            }
            _ => {}
        }
    }
}
