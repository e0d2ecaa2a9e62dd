//! X.25: calls a second, and what one circuit carries beside TCP over the same link.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wanbox_console::progress::rate;
use wanbox_rig::{Error, Result, ensure};
use wanbox_runtime::datagram::Datagram;
use wanbox_wire::x25api::{Call, HEADER, Kind, MAX_PAYLOAD, Repr};

use crate::link::{INNER, Link, Protocol};
use crate::throughput::tcp;
use crate::{Row, median, met};

/// Measurements of each kind.
const ROUNDS: usize = 3;
/// How long each lasts.
const EACH: Duration = Duration::from_secs(2);
/// Calls under way at a time.
const CALLERS: usize = 16;
/// Nothing takes longer.
const LIMIT: Duration = Duration::from_secs(20);
/// The address that is called.
const ADDRESS: &str = "4711";
/// Octets of one message.
const MESSAGE: usize = 16 * 1024;

pub fn run(wanbox: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let kinds = [
        (1024, 7, "X.25: circuit, 1024 octets, window 7"),
        (4096, 127, "X.25: circuit, 4096 octets, window 127"),
    ];
    for (size, window, what) in kinds {
        let link = Link::new(wanbox, Protocol::X25 { size, window })?;
        let (mut circuits, mut streams) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            let (ours, stream) = (circuit(&link)?, tcp(&link, INNER[1])?);
            println!("{round}: {what}: {}, TCP {}", rate(ours), rate(stream));
            circuits.push(ours);
            streams.push(stream);
        }
        let (ours, stream) = (median(&mut circuits), median(&mut streams));
        rows.push(Row {
            what,
            wanbox: rate(ours),
            other: format!("TCP over it {}", rate(stream)),
            ratio: format!("{:.2}", ours / stream),
            wanted: "at least 0.8".to_owned(),
            met: met(ours >= 0.8 * stream),
        });
        if window == 7 {
            let mut values = Vec::new();
            for round in 1..=ROUNDS {
                let calls = calls(&link)?;
                println!("{round}: {calls:.0} calls/s, {CALLERS} at a time");
                values.push(calls);
            }
            let calls = median(&mut values);
            rows.push(Row {
                what: "X.25: calls",
                wanbox: format!("{calls:.0}/s"),
                other: "-".to_owned(),
                ratio: "-".to_owned(),
                wanted: "at least 500/s".to_owned(),
                met: met(calls >= 500.0),
            });
        }
    }
    Ok(rows)
}

/// Bits a second that arrive of one circuit.
fn circuit(link: &Link) -> Result<f64> {
    let mut listener = Application::listening(&socket(link, 1))?;
    let mut caller = Application::calling(&socket(link, 0))?;
    let mut called = listener.accept(&socket(link, 1))?;
    caller.expect(Kind::Accept)?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sending = scope.spawn(|| -> Result {
            while !over.load(Ordering::Relaxed) {
                caller.send(Repr::new(Kind::Data), &[0x5a; MESSAGE])?;
            }
            Ok(())
        });
        let mut octets = 0;
        let started = Instant::now();
        while started.elapsed() < EACH {
            octets += u64::from(called.expect(Kind::Data)?.length);
        }
        let took = started.elapsed();
        over.store(true, Ordering::Relaxed);
        // What it waits with has to go before it ends.
        while !sending.is_finished() {
            called.expect(Kind::Data)?;
        }
        sending
            .join()
            .map_err(|_| Error::new("the sender failed"))??;
        Ok(octets as f64 * 8.0 / took.as_secs_f64())
    })
}

/// Calls a second that are placed, accepted and cleared.
fn calls(link: &Link) -> Result<f64> {
    let (near, far) = (socket(link, 0), socket(link, 1));
    let mut listener = Application::listening(&far)?;
    let over = AtomicBool::new(false);
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        let caller = || -> Result {
            while !over.load(Ordering::Relaxed) {
                let mut caller = Application::calling(&near)?;
                caller.expect(Kind::Accept)?;
                caller.send(Repr::new(Kind::Clear), &[])?;
                caller.expect(Kind::Done)?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        let started = Instant::now();
        let mut circuits = VecDeque::new();
        let mut counted = None;
        while callers.iter().any(|caller| !caller.is_finished()) {
            if started.elapsed() >= EACH && counted.is_none() {
                let calls = done.load(Ordering::Relaxed);
                counted = Some(calls as f64 / started.elapsed().as_secs_f64());
                over.store(true, Ordering::Relaxed);
            }
            if let Some(circuit) = listener.accept_within(&far, Duration::from_millis(20))? {
                circuits.push_back(circuit);
            }
            // The oldest of these were cleared long ago.
            if circuits.len() > 8 * CALLERS {
                circuits.pop_front();
            }
        }
        for caller in callers {
            caller.join().map_err(|_| Error::new("a caller failed"))??;
        }
        counted.ok_or_else(|| Error::new("no call"))
    })
}

fn socket(link: &Link, end: usize) -> PathBuf {
    link.ends[end].path("/run/wanbox/x25/wanpipe1")
}

/// An application at a device.
struct Application {
    socket: Datagram,
    buffer: Vec<u8>,
}

impl Application {
    fn new(path: &Path) -> Result<Self> {
        Ok(Self {
            socket: Datagram::local(path)?,
            buffer: vec![0; HEADER + MAX_PAYLOAD],
        })
    }

    fn listening(path: &Path) -> Result<Self> {
        let mut application = Self::new(path)?;
        application.send(Repr::new(Kind::Bind), ADDRESS.as_bytes())?;
        application.expect(Kind::Done)?;
        application.send(Repr::new(Kind::Listen), &[])?;
        application.expect(Kind::Done)?;
        Ok(application)
    }

    fn calling(path: &Path) -> Result<Self> {
        let application = Self::new(path)?;
        let call = Call {
            called: ADDRESS,
            ..Call::default()
        };
        application.send(Repr::new(Kind::Call), &call.octets())?;
        Ok(application)
    }

    fn accept(&mut self, path: &Path) -> Result<Self> {
        self.accept_within(path, LIMIT)?
            .ok_or_else(|| Error::new("no call"))
    }

    /// Accepts the next call that comes in time.
    fn accept_within(&mut self, path: &Path, limit: Duration) -> Result<Option<Self>> {
        let Some(incoming) = self.next(limit)? else {
            return Ok(None);
        };
        if incoming.kind != Kind::Call {
            return Ok(None);
        }
        let mut application = Self::new(path)?;
        let accept = Repr {
            tag: incoming.tag,
            ..Repr::new(Kind::Accept)
        };
        application.send(accept, &[])?;
        application.expect(Kind::Accept)?;
        Ok(Some(application))
    }

    fn next(&mut self, limit: Duration) -> Result<Option<Repr>> {
        let Some(length) = self.socket.receive_within(&mut self.buffer, limit)? else {
            return Ok(None);
        };
        ensure!(length > 0, "the daemon ended the connection");
        match Repr::parse(&self.buffer[..length]) {
            Ok((repr, _)) => Ok(Some(repr)),
            Err(error) => Err(Error::new(error.to_string())),
        }
    }

    /// The next message of this kind; only news of the status may come before.
    fn expect(&mut self, kind: Kind) -> Result<Repr> {
        loop {
            let next = self.next(LIMIT)?;
            let repr = next.ok_or_else(|| Error::new(format!("no {kind:?}")))?;
            if repr.kind == kind {
                return Ok(repr);
            }
            ensure!(repr.kind == Kind::Status, "{kind:?} expected: {repr:?}");
        }
    }

    fn send(&self, repr: Repr, payload: &[u8]) -> Result {
        let message = repr.message(payload);
        let started = Instant::now();
        loop {
            match self.socket.send(&message) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    ensure!(started.elapsed() < LIMIT, "the socket takes nothing");
                    thread::sleep(Duration::from_micros(100));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
