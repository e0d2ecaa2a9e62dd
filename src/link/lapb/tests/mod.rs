//! Tests of LAPB: the standard's tables, what holds across frames, parameters.

mod tables;
mod transfer;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use wanbox_sim::Clock;
use wanbox_wire::lapb::{
    Control, Direction, Frame, FrameRepr, FrmrRepr, Modulo, Role, Supervisory, Unnumbered,
};

use super::*;

/// A link and the moment it is in, spoken to in words.
struct Bench {
    link: Link,
    now: Instant,
}

impl Bench {
    fn new(parameters: Parameters) -> Self {
        Self {
            link: Link::new(Role::Dce, parameters).unwrap(),
            now: Clock::new().now(),
        }
    }

    /// Set up by the peer, with nothing left to send or fetch.
    fn up(parameters: Parameters) -> Self {
        let mut bench = Self::new(parameters);
        bench.link.engine_mut().listen();
        let set_mode = match parameters.modulo {
            Modulo::Eight => "c SABM P",
            Modulo::OneTwentyEight => "c SABME P",
        };
        bench.hear(set_mode);
        assert_eq!(bench.sent(), "r UA F");
        assert_eq!(bench.events(), "Up");
        bench
    }

    fn engine(&mut self) -> &mut Engine {
        self.link.engine_mut()
    }

    fn modulo(&self) -> Modulo {
        self.link.engine().parameters().modulo
    }

    /// The peer sends a frame: `c RR 3 P`, `r UA F`, `c I 2 0 P`; numbers are N(S) N(R).
    fn hear(&mut self, frame: &str) -> Option<Vec<u8>> {
        self.hear_with(frame, &[])
    }

    fn hear_with(&mut self, frame: &str, information: &[u8]) -> Option<Vec<u8>> {
        let modulo = self.modulo();
        let repr = frame_of(frame);
        let mut octets = vec![0; repr.len(modulo)];
        repr.emit(modulo, &mut octets).unwrap();
        octets.extend_from_slice(information);
        let packet = self.link.receive(self.now, &octets)?;
        Some(packet.to_vec())
    }

    /// All frames that are ready, in the same words, with commas between.
    fn sent(&mut self) -> String {
        let mut all = Vec::new();
        let mut octets = Vec::new();
        while self.link.poll_transmit(self.now, &mut octets) {
            all.push(words_of(self.modulo(), &octets));
        }
        all.join(", ")
    }

    /// All events, in words.
    fn events(&mut self) -> String {
        let mut all = Vec::new();
        while let Some(event) = self.engine().poll_event() {
            all.push(match event {
                Event::Up => "Up".to_owned(),
                Event::Reset(cause) => format!("Reset {cause:?}"),
                Event::Down(cause) => format!("Down {cause:?}"),
            });
        }
        all.join(", ")
    }

    /// Time passes, and deadlines with it.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.link.engine().poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.engine().handle_timeout(at);
        }
        self.now = end;
    }

    /// A packet for the peer.
    fn send(&mut self, packet: &[u8]) -> Result<(), Refusal> {
        let now = self.now;
        self.engine().send(now, packet)
    }
}

/// A frame of the peer, which is the DTE.
fn frame_of(words: &str) -> FrameRepr {
    let mut words = words.split(' ').peekable();
    let direction = match words.next() {
        Some("c") => Direction::Command,
        Some("r") => Direction::Response,
        other => panic!("{other:?}"),
    };
    let name = words.next().unwrap();
    let mut numbers = Vec::new();
    while let Some(number) = words.next_if(|word| word.parse::<u8>().is_ok()) {
        numbers.push(number.parse::<u8>().unwrap());
    }
    let poll_final = matches!(words.next(), Some("P" | "F"));
    let supervisory = |kind| Control::Supervisory {
        kind,
        nr: numbers[0],
        poll_final,
    };
    let unnumbered = |kind| Control::Unnumbered { kind, poll_final };
    let control = match name {
        "I" => Control::Information {
            ns: numbers[0],
            nr: numbers[1],
            poll: poll_final,
        },
        "RR" => supervisory(Supervisory::Rr),
        "RNR" => supervisory(Supervisory::Rnr),
        "REJ" => supervisory(Supervisory::Rej),
        "SABM" => unnumbered(Unnumbered::Sabm),
        "SABME" => unnumbered(Unnumbered::Sabme),
        "DISC" => unnumbered(Unnumbered::Disc),
        "DM" => unnumbered(Unnumbered::Dm),
        "UA" => unnumbered(Unnumbered::Ua),
        "FRMR" => unnumbered(Unnumbered::Frmr),
        other => panic!("{other}"),
    };
    FrameRepr {
        sender: Role::Dte,
        direction,
        control,
    }
}

fn words_of(modulo: Modulo, octets: &[u8]) -> String {
    let frame = Frame::parse(modulo, octets).unwrap();
    let repr = FrameRepr::parse(Role::Dte, &frame).unwrap();
    let mut words = repr.to_string();
    for (long, short) in [
        ("LAPB DCE command ", "c "),
        ("LAPB DCE response ", "r "),
        ("N(S)=", ""),
        ("N(R)=", ""),
    ] {
        words = words.replace(long, short);
    }
    if let Control::Unnumbered {
        kind: Unnumbered::Frmr,
        ..
    } = repr.control
    {
        let frmr = FrmrRepr::parse(modulo, frame.information()).unwrap();
        return format!("{words} ({frmr})");
    }
    words
}

#[test]
fn parameters_out_of_range_are_named() {
    let good = Parameters::default();
    assert_eq!(good.check(), Ok(()));
    assert_eq!(good.n1_bits(), (1027 + 4) * 8);
    let second = Duration::from_secs(1);
    let cases = [
        (
            Parameters {
                t1: Duration::ZERO,
                ..good
            },
            "T1: 10 ms to 10 min is allowed",
        ),
        (
            Parameters {
                t1: 601 * second,
                ..good
            },
            "T1: 10 ms to 10 min is allowed",
        ),
        (
            Parameters {
                t2: 3 * second,
                ..good
            },
            "T2: less than T1 is allowed",
        ),
        (
            Parameters {
                t4: Some(3 * second),
                ..good
            },
            "T4: longer than T1, up to 24 h is allowed",
        ),
        (
            Parameters { n1: 0, ..good },
            "N1: 1 to 16384 octets is allowed",
        ),
        (Parameters { n2: 0, ..good }, "N2: 1 to 255 is allowed"),
        (
            Parameters { k: 8, ..good },
            "k: 1 to 7, modulo 128 to 127 is allowed",
        ),
        (
            Parameters { k: 0, ..good },
            "k: 1 to 7, modulo 128 to 127 is allowed",
        ),
        (
            Parameters {
                queue: 1025,
                ..good
            },
            "queue: 0 to 1024 packets is allowed",
        ),
    ];
    for (parameters, message) in cases {
        let error = Link::new(Role::Dte, parameters).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let extended = Parameters {
        modulo: Modulo::OneTwentyEight,
        k: 127,
        ..good
    };
    assert_eq!(extended.check(), Ok(()));
    assert_eq!(extended.n1_bits(), (1027 + 5) * 8);
}

#[test]
fn frames_of_strangers_and_shreds_are_counted() {
    let mut bench = Bench::up(Parameters::default());
    let now = bench.now;
    for octets in [&[][..], &[0x03], &[0x01]] {
        assert_eq!(bench.link.receive(now, octets), None);
    }
    assert_eq!(bench.link.engine().counters().too_short, 3);
    assert_eq!(bench.link.receive(now, &[0x07, 0x00, 1]), None);
    assert_eq!(bench.link.wrong_address(), 1);
    assert_eq!(bench.sent(), "");
}

proptest! {
    #[test]
    fn any_octets_drive_a_link(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::fuzz_lapb_link(Clock::new().now(), &octets);
    }

    /// Frames that mean something, to a link that is up.
    #[test]
    fn any_frames_drive_a_link(
        frames in prop::collection::vec((any::<bool>(), any::<u8>(), 0_u8..60, 0_u8..32), 0..100),
    ) {
        // A listening DCE modulo 8, and its set-up.
        let mut octets = vec![0x28, 4 | 2 << 3, 0x01, 0x3f];
        for (command, control, steps, time) in frames {
            let information = if control & 1 == 0 { &[7][..] } else { &[] };
            octets.push(4 | (2 + information.len() as u8) << 3);
            octets.push(if command { 0x01 } else { 0x03 });
            octets.push(control);
            octets.extend_from_slice(information);
            octets.extend_from_slice(&[3, time << 3, 1]);
            octets.push(2 | (steps & 7) << 3);
        }
        fuzz::fuzz_lapb_link(Clock::new().now(), &octets);
    }
}
