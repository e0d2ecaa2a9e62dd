//! Tests of connections: the states as tables, what holds across frames, octets.

mod tables;
mod transfer;

use proptest::prelude::*;
use wanbox_sim::{Clock, hex};
use wanbox_wire::ax25::{Control, Unnumbered as Management};
use wanbox_wire::lapb::{Control as Basic, Modulo, Supervisory, Unnumbered};

use super::*;

/// A connection and the moment it is in, spoken to in words.
struct Bench {
    connection: Connection,
    now: Instant,
}

impl Bench {
    fn new(parameters: &Parameters) -> Self {
        let now = Clock::new().now();
        Self {
            connection: Connection::new(parameters, 0),
            now,
        }
    }

    /// Set up by the peer, with nothing left to send or fetch.
    fn up(parameters: &Parameters) -> Self {
        let mut bench = Self::new(parameters);
        bench.connection.listen();
        let extended = parameters.extended == Extended::Offered;
        bench.hear(if extended { "c SABME P" } else { "c SABM P" });
        assert_eq!(bench.sent(), "r UA F");
        assert_eq!(bench.events(), "Up");
        bench
    }

    /// The peer sends a frame: `c RR 3 P`, `r UA F`, `c I 2 0 P`, numbers being N(S) N(R); `u` is a
    /// frame of version 1.
    fn hear(&mut self, words: &str) {
        self.hear_with(words, b"");
    }

    /// The same with text behind the PID, or with information.
    fn hear_with(&mut self, words: &str, information: &[u8]) {
        let (class, control) = frame_of(words);
        let mut unit = Vec::new();
        control.append(self.connection.modulo(), &mut unit);
        if control.has_pid() {
            unit.push(pid::TEXT);
        }
        unit.extend_from_slice(information);
        self.connection.receive(self.now, class, &unit);
    }

    /// All frames that are ready, in the same words, with commas between.
    fn sent(&mut self) -> String {
        let mut all = Vec::new();
        let mut unit = Vec::new();
        while let Some(class) = self.connection.poll_transmit(self.now, &mut unit) {
            all.push(words_of(self.connection.modulo(), class, &unit));
            unit.clear();
        }
        all.join(", ")
    }

    /// All events, in words.
    fn events(&mut self) -> String {
        let mut all = Vec::new();
        while let Some(event) = self.connection.poll_event() {
            all.push(match event {
                Event::Up => "Up".to_owned(),
                Event::Asked => "Asked".to_owned(),
                Event::Reset(cause) => format!("Reset {cause:?}"),
                Event::Down(cause) => format!("Down {cause:?}"),
            });
        }
        all.join(", ")
    }

    /// Time passes, and deadlines with it.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.connection.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.connection.handle_timeout(at);
        }
        self.now = end;
    }

    /// The next deadline passes.
    fn pass_deadline(&mut self) {
        let at = self.connection.poll_timeout().unwrap();
        self.pass(at - self.now);
    }

    fn send(&mut self, text: &str) {
        let now = self.now;
        self.connection
            .send(now, pid::TEXT, text.as_bytes())
            .unwrap();
    }

    /// All text that came.
    fn text(&mut self) -> String {
        let mut text = Vec::new();
        while self.connection.read(&mut text).is_some() {}
        String::from_utf8(text).unwrap()
    }

    fn status(&self) -> Status {
        self.connection.status(self.now)
    }
}

fn frame_of(words: &str) -> (Class, Control) {
    let mut words = words.split(' ').peekable();
    let class = match words.next() {
        Some("c") => Class::Command,
        Some("r") => Class::Response,
        Some("u") => Class::Unknown,
        other => panic!("{other:?}"),
    };
    let name = words.next().unwrap();
    let mut numbers = Vec::new();
    while let Some(number) = words.next_if(|word| word.parse::<u8>().is_ok()) {
        numbers.push(number.parse::<u8>().unwrap());
    }
    let poll_final = matches!(words.next(), Some("P" | "F"));
    let supervisory = |kind| {
        Control::Lapb(Basic::Supervisory {
            kind,
            nr: numbers[0],
            poll_final,
        })
    };
    let unnumbered = |kind| Control::Lapb(Basic::Unnumbered { kind, poll_final });
    let management = |kind| Control::Unnumbered { kind, poll_final };
    let control = match name {
        "I" => Control::Lapb(Basic::Information {
            ns: numbers[0],
            nr: numbers[1],
            poll: poll_final,
        }),
        "RR" => supervisory(Supervisory::Rr),
        "RNR" => supervisory(Supervisory::Rnr),
        "REJ" => supervisory(Supervisory::Rej),
        "SREJ" => supervisory(Supervisory::Srej),
        "SABM" => unnumbered(Unnumbered::Sabm),
        "SABME" => unnumbered(Unnumbered::Sabme),
        "DISC" => unnumbered(Unnumbered::Disc),
        "DM" => unnumbered(Unnumbered::Dm),
        "UA" => unnumbered(Unnumbered::Ua),
        "FRMR" => unnumbered(Unnumbered::Frmr),
        "XID" => management(Management::Xid),
        "TEST" => management(Management::Test),
        other => panic!("{other}"),
    };
    (class, control)
}

fn words_of(modulo: Modulo, class: Class, unit: &[u8]) -> String {
    let (control, _) = Control::parse(modulo, unit).unwrap();
    let (class, bit) = match class {
        Class::Command => ("c", " P"),
        Class::Response => ("r", " F"),
        Class::Unknown => panic!("frames say what they are"),
    };
    let mut words = format!("{class} {}", control.name());
    match control {
        Control::Lapb(Basic::Information { ns, nr, .. }) => words += &format!(" {ns} {nr}"),
        Control::Lapb(Basic::Supervisory { nr, .. }) => words += &format!(" {nr}"),
        _ => {}
    }
    if control.poll_final() {
        words += bit;
    }
    words
}

proptest! {
    #[test]
    fn any_octets_drive_a_connection(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::fuzz_ax25_connection(Clock::new().now(), &octets);
    }

    /// Frames that mean something, to a connection that is up.
    #[test]
    fn any_frames_drive_a_connection(
        kind in any::<u8>(),
        extended in any::<bool>(),
        frames in prop::collection::vec((0_u8..3, any::<[u8; 2]>(), 0_u8..60, 0_u8..32), 0..100),
    ) {
        let mut octets = vec![kind, 4 | 1 << 3, if extended { 0x7f } else { 0x3f }];
        for (class, control, steps, time) in frames {
            octets.push((4 + class) | 4 << 3);
            octets.extend_from_slice(&control);
            octets.extend_from_slice(&[0xf0, 7]);
            octets.extend_from_slice(&[3, time << 3, 1]);
            octets.push(2 | (steps & 15) << 3);
        }
        fuzz::fuzz_ax25_connection(Clock::new().now(), &octets);
    }
}
