//! The line of a device: whatever carries its frames, with pacing, loss and delay where asked for.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use wanbox_grammar::line::{Endpoint, Host, Kind as KindSpec, Line as LineSpec};
use wanbox_link::pace::{self, Pace, Priority};
use wanbox_link::xot::Parameters;
use wanbox_runtime::cable::{Cable, CableEvent};
use wanbox_runtime::files::Root;
use wanbox_runtime::resolver::{self, Family};
use wanbox_runtime::stream::ModemLines;
use wanbox_runtime::udp::{self, BatchSocket};

use super::batch::Batch;
use super::counters::LineCounters;
use super::watch::Watch;
use crate::conf::AsyncConf;

mod packet;
mod raw;
mod stream;
mod xot;

use packet::PacketLine;
use stream::StreamLine;
use xot::XotLine;

/// The receive and send buffers of a UDP line, octets: some milliseconds of its highest rate.
const UDP_BUFFER: usize = 4 * 1024 * 1024;
/// Datagrams handed to the kernel in one call.
const DATAGRAMS: usize = 64;
/// How long the name of a peer may take to resolve when the daemon starts.
const RESOLVE_WITHIN: Duration = Duration::from_secs(10);
/// Frames that wait on a paced line unless the configuration says otherwise.
const QUEUE_FRAMES: usize = 64;

enum Kind {
    Cable(Box<Cable>),
    Udp(BatchSocket),
    Packet(Box<PacketLine>),
    Xot(Box<XotLine>),
    Stream(Box<StreamLine>),
}

/// An open line.
pub struct Line {
    kind: Kind,
    pace: Option<Pace>,
    /// A paced frame that the line did not take yet, when `waits`.
    frame: Vec<u8>,
    waits: bool,
    cut: bool,
    /// The line takes no more until it says so.
    full: bool,
}

/// What passes a stream.
pub enum Content {
    /// Frames, octet-stuffed.
    Frames,
    /// Octets as they are, whatever they mean.
    Octets,
    /// Characters.
    Asynchronous(AsyncConf),
}

/// The pacing of a line.
pub struct Pacing {
    /// Bits a second; 0: as fast as the line takes it.
    pub rate_bps: u64,
    /// The rate of a serial port, bits a second.
    pub baud_rate: u32,
    /// The longest frame, octets.
    pub max_frame: usize,
    /// The control characters that are escaped on a stream until something else is negotiated.
    pub accm: u32,
    /// What passes a stream.
    pub content: Content,
    /// Decides which frames are lost on purpose.
    pub seed: u64,
    /// The circuits of X.25 over TCP.
    pub circuits: Option<Parameters>,
}

impl Line {
    /// Opens the line that the configuration names.
    ///
    /// # Errors
    /// What could not be opened and why, for people.
    pub fn open(spec: &LineSpec, root: &Root, pacing: &Pacing) -> Result<Self, String> {
        let kind = match &spec.kind {
            KindSpec::Cable(name) => {
                let directory = root.run_dir().join("cable");
                let cable = Cable::open(&directory, name).map_err(|error| error.to_string())?;
                Kind::Cable(Box::new(cable))
            }
            KindSpec::Udp { local, remote } => Kind::Udp(open_udp(local, remote)?),
            KindSpec::Packet(name) => Kind::Packet(Box::new(PacketLine::open(name)?)),
            KindSpec::Lapbether(name) => {
                let line = PacketLine::open_lapbether(name, pacing.max_frame)?;
                Kind::Packet(Box::new(line))
            }
            KindSpec::Xot(ends) => match &pacing.circuits {
                Some(circuits) => Kind::Xot(Box::new(XotLine::open(ends, circuits.clone())?)),
                None => return Err("LINE: X.25 over TCP without X.25".to_owned()),
            },
            stream => match StreamLine::open(stream, root, pacing)? {
                Some(line) => Kind::Stream(Box::new(line)),
                None => return Err(format!("LINE: {stream} is not driven")),
            },
        };
        let paced = pacing.rate_bps > 0 || spec.loss > 0 || !spec.delay.is_zero();
        let pace = if paced {
            let queue = spec.queue.map_or(QUEUE_FRAMES, |frames| frames as usize);
            let config = pace::Config {
                rate_bps: pacing.rate_bps,
                max_frame: pacing.max_frame,
                queue_frames: queue,
                queue_octets: queue.saturating_mul(pacing.max_frame),
                // Characters have no flags and no FCS.
                overhead: match pacing.content {
                    Content::Frames => pace::Config::default().overhead,
                    Content::Octets | Content::Asynchronous(_) => 0,
                },
                loss_ppm: spec.loss,
                delay: spec.delay,
            };
            Some(Pace::new(config, pacing.seed).map_err(|error| format!("LINE: {error}"))?)
        } else {
            None
        };
        Ok(Self {
            kind,
            pace,
            frame: Vec::new(),
            waits: false,
            cut: false,
            full: false,
        })
    }

    /// The line carries frames.
    pub fn carrier(&self) -> bool {
        !self.cut
            && match &self.kind {
                Kind::Cable(cable) => cable.carrier(),
                // Connections of circuits come and go.
                Kind::Udp(_) | Kind::Xot(_) => true,
                Kind::Packet(packet) => packet.carrier(),
                Kind::Stream(stream) => stream.carrier(),
            }
    }

    /// Why a line that is not cut has no carrier, where it knows, for people.
    pub fn trouble(&self) -> Option<&str> {
        match &self.kind {
            Kind::Stream(stream) => stream.trouble(),
            Kind::Cable(_) | Kind::Udp(_) | Kind::Packet(_) | Kind::Xot(_) => None,
        }
    }

    /// The modem lines of a serial port.
    pub fn modem_lines(&self) -> Option<ModemLines> {
        match &self.kind {
            Kind::Stream(stream) => stream.modem_lines(),
            Kind::Cable(_) | Kind::Udp(_) | Kind::Packet(_) | Kind::Xot(_) => None,
        }
    }

    /// The line is a serial port that sends breaks, for which a frame of nothing stands.
    pub fn can_break(&self) -> bool {
        match &self.kind {
            Kind::Stream(stream) => stream.can_break(),
            Kind::Cable(_) | Kind::Udp(_) | Kind::Packet(_) | Kind::Xot(_) => false,
        }
    }

    /// What was negotiated of control characters on a stream: those that the other side wants
    /// escaped, and those that it escapes. It counts until the carrier is lost.
    pub fn set_accm(&mut self, transmit: u32, receive: u32) {
        if let Kind::Stream(stream) = &mut self.kind {
            stream.set_accm(transmit, receive);
        }
    }

    /// Unplugs the line, or plugs it in.
    pub fn set_cut(&mut self, cut: bool) {
        self.cut = cut;
        match &mut self.kind {
            Kind::Cable(cable) if cut => cable.cut(),
            Kind::Cable(cable) => cable.join(),
            Kind::Stream(stream) => stream.set_cut(cut),
            Kind::Xot(xot) if cut => xot.cut(),
            Kind::Udp(_) | Kind::Packet(_) | Kind::Xot(_) => {}
        }
        if cut {
            self.forget();
        }
    }

    /// Forgets what waits: the carrier is gone.
    pub fn forget(&mut self) {
        self.waits = false;
        self.full = false;
        if let Some(pace) = &mut self.pace {
            pace.clear();
        }
        if let Kind::Stream(stream) = &mut self.kind {
            stream.forget();
        }
    }

    /// The descriptor that frames come in on.
    pub fn frames_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Cable(cable) => cable.as_fd(),
            Kind::Udp(socket) => socket.as_fd(),
            Kind::Packet(packet) => packet.frames_fd(),
            Kind::Xot(xot) => xot.as_fd(),
            Kind::Stream(stream) => stream.as_fd(),
        }
    }

    /// A second descriptor that tells of the line's state, where there is one.
    pub fn state_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Packet(packet) => Some(packet.state_fd()),
            Kind::Cable(_) | Kind::Udp(_) | Kind::Stream(_) | Kind::Xot(_) => None,
        }
    }

    /// Whether to wait until [`Self::frames_fd`] can be written.
    pub fn wants_write(&self) -> bool {
        // A cable and a stream tell through events of their own.
        self.full && !matches!(self.kind, Kind::Cable(_) | Kind::Stream(_))
    }

    /// The line takes no more for now: frames have to wait where they are.
    pub fn is_full(&self) -> bool {
        match &self.pace {
            Some(pace) => !pace.has_room(0),
            None => self.full,
        }
    }

    /// How many frames it should be given now, at most `most`, by who keeps those that wait: no more
    /// than are on it soon.
    pub fn frames_wanted(&self, most: usize) -> usize {
        match &self.pace {
            Some(pace) => usize::from(pace.waiting() == 0),
            None if self.full => 0,
            None => most,
        }
    }

    /// There is room for a good part of a queue: those who wait may go on.
    pub fn has_room(&self, max_frame: usize) -> bool {
        match &self.pace {
            Some(pace) => pace.has_room(max_frame.saturating_mul(4)),
            None => !self.full,
        }
    }

    /// The frames descriptor can be written again.
    pub fn writable(&mut self) {
        self.full = false;
    }

    /// Reads what happened beside frames. Returns whether the carrier was away, be it back already.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn on_ready(&mut self) -> io::Result<bool> {
        match &mut self.kind {
            Kind::Cable(cable) => cable.on_ready()?,
            Kind::Stream(stream) => stream.on_ready()?,
            Kind::Udp(_) => {}
            Kind::Packet(packet) => return packet.on_ready(),
            Kind::Xot(xot) => xot.on_ready()?,
        }
        self.lost_carrier()
    }

    /// Whether the carrier of a cable or a stream was away since this was asked last.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn lost_carrier(&mut self) -> io::Result<bool> {
        let cable = match &mut self.kind {
            Kind::Cable(cable) => cable,
            Kind::Stream(stream) => {
                let changes = stream.changes()?;
                self.full &= !changes.room;
                return Ok(changes.lost);
            }
            Kind::Udp(_) | Kind::Packet(_) | Kind::Xot(_) => return Ok(false),
        };
        let mut lost = false;
        while let Some(event) = cable.poll_event() {
            match event {
                CableEvent::Carrier(carrier) => lost |= !carrier,
                CableEvent::Writable => self.full = false,
                CableEvent::Taken => {
                    log::warn!("the cable is taken by two other ends; waiting for one to leave");
                }
            }
        }
        Ok(lost)
    }

    /// Reads once and gives every frame to `each`. `false`: nothing was there.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn receive(&mut self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let received = match &mut self.kind {
            Kind::Cable(cable) => cable.receive(buffer)?,
            Kind::Packet(packet) => return packet.receive(buffer, each),
            Kind::Xot(xot) => return Ok(xot.receive(buffer, each)),
            Kind::Stream(stream) => return stream.receive(buffer, each),
            Kind::Udp(socket) => {
                let Some(received) = socket.receive(buffer)? else {
                    return Ok(false);
                };
                for frame in received.datagrams(buffer) {
                    each(frame);
                }
                return Ok(true);
            }
        };
        if let Some(frame) = received.and_then(|length| buffer.get(..length)) {
            each(frame);
        }
        Ok(received.is_some())
    }

    /// Sends the frames of a batch, as far as the line takes them; the others stay in it.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn send(
        &mut self,
        now: Instant,
        batch: &mut Batch,
        watch: &mut Watch,
        counters: &mut LineCounters,
    ) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        counters.tx_turns += 1;
        if !self.carrier() {
            counters.tx_lost += batch.waiting().len() as u64;
            batch.clear();
            return Ok(());
        }
        let Some(pace) = &mut self.pace else {
            return self.send_now(now, batch, watch, counters);
        };
        let mut count = 0;
        for frame in batch.waiting() {
            match pace.enqueue(now, Priority::Data, frame, &[]) {
                Ok(()) => {}
                Err(pace::Refused::TooLong) => counters.tx_lost += 1,
                Err(pace::Refused::Full) => break,
            }
            count += 1;
        }
        batch.take(count);
        self.pump(now, watch, counters)
    }

    /// Sends a frame of the protocol itself, ahead of data. It is lost when even its queue is full:
    /// protocols repeat what matters.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn send_control(
        &mut self,
        now: Instant,
        frame: &[u8],
        watch: &mut Watch,
        counters: &mut LineCounters,
    ) -> io::Result<()> {
        if !self.carrier() {
            counters.tx_lost += 1;
            return Ok(());
        }
        match &mut self.pace {
            Some(pace) => {
                if pace.enqueue(now, Priority::Control, frame, &[]).is_err() {
                    counters.tx_lost += 1;
                }
                self.pump(now, watch, counters)
            }
            None => {
                if self.send_frame(frame)? {
                    sent(now, frame, watch, counters);
                } else {
                    counters.tx_lost += 1;
                }
                Ok(())
            }
        }
    }

    /// When [`Self::pump`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match &self.kind {
            Kind::Xot(xot) => xot.poll_timeout(),
            _ => None,
        };
        if self.full || self.waits {
            return own;
        }
        let pace = self.pace.as_ref().and_then(Pace::poll_timeout);
        [own, pace].into_iter().flatten().min()
    }

    /// Sends paced frames that are due.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn pump(
        &mut self,
        now: Instant,
        watch: &mut Watch,
        counters: &mut LineCounters,
    ) -> io::Result<()> {
        if let Kind::Xot(xot) = &mut self.kind {
            xot.handle_timeout(now);
        }
        loop {
            if !self.waits {
                let due = match &mut self.pace {
                    Some(pace) => pace.poll_transmit(now, &mut self.frame),
                    None => false,
                };
                if !due {
                    return Ok(());
                }
            }
            let frame = std::mem::take(&mut self.frame);
            let taken = self.send_frame(&frame);
            if matches!(taken, Ok(true)) {
                sent(now, &frame, watch, counters);
            }
            self.frame = frame;
            self.waits = !taken?;
            if self.waits {
                return Ok(());
            }
        }
    }

    fn send_now(
        &mut self,
        now: Instant,
        batch: &mut Batch,
        watch: &mut Watch,
        counters: &mut LineCounters,
    ) -> io::Result<()> {
        while !batch.is_empty() && !self.full {
            let taken = match &mut self.kind {
                Kind::Udp(socket) => {
                    let mut datagrams = [[IoSlice::new(&[]); 2]; DATAGRAMS];
                    let mut count = 0;
                    for (slot, frame) in datagrams.iter_mut().zip(batch.waiting()) {
                        slot[0] = IoSlice::new(frame);
                        count += 1;
                    }
                    let taken = socket.send(datagrams.get(..count).unwrap_or_default())?;
                    self.full = taken < count;
                    taken
                }
                Kind::Stream(stream) => {
                    let taken = batch
                        .waiting()
                        .take_while(|frame| stream.push(frame))
                        .count();
                    stream.flush()?;
                    self.full = stream.is_full();
                    taken
                }
                Kind::Cable(_) | Kind::Packet(_) | Kind::Xot(_) => {
                    let mut taken = 0;
                    for frame in batch.waiting() {
                        let took = match &mut self.kind {
                            Kind::Cable(cable) => cable.send(&[frame])?,
                            Kind::Packet(packet) => packet.send(frame)?,
                            Kind::Xot(xot) => {
                                xot.send(frame);
                                true
                            }
                            Kind::Udp(_) | Kind::Stream(_) => false,
                        };
                        if !took {
                            self.full = true;
                            break;
                        }
                        taken += 1;
                    }
                    taken
                }
            };
            for frame in batch.waiting().take(taken) {
                sent(now, frame, watch, counters);
            }
            batch.take(taken);
        }
        Ok(())
    }

    /// `false`: the line is full, the frame was not taken.
    fn send_frame(&mut self, frame: &[u8]) -> io::Result<bool> {
        let taken = match &mut self.kind {
            Kind::Cable(cable) => cable.send(&[frame])?,
            Kind::Udp(socket) => socket.send(&[[IoSlice::new(frame), IoSlice::new(&[])]])? == 1,
            Kind::Packet(packet) => packet.send(frame)?,
            Kind::Xot(xot) => {
                xot.send(frame);
                true
            }
            Kind::Stream(stream) => {
                // What the line has begun to take it takes whole, sooner or later.
                let taken = stream.push(frame);
                stream.flush()?;
                self.full = stream.is_full();
                return Ok(taken);
            }
        };
        self.full = !taken;
        Ok(taken)
    }

    /// Counters of the line's own, by name.
    pub fn own_counters(&self) -> Vec<(&'static str, u64)> {
        let mut all = match &self.kind {
            Kind::Cable(cable) => {
                let stats = cable.stats();
                vec![
                    ("cable_no_carrier", stats.no_carrier),
                    ("cable_received_while_cut", stats.cut),
                    ("cable_too_long", stats.too_long),
                    ("cable_malformed", stats.malformed),
                    ("cable_turned_away", stats.turned_away),
                ]
            }
            Kind::Udp(socket) => {
                let stats = socket.stats();
                vec![
                    ("udp_unreachable", stats.unreachable),
                    ("udp_too_long", stats.too_long),
                    ("udp_refused", stats.refused),
                    ("udp_cut", stats.cut),
                    ("udp_segmented_sends", stats.segmented_sends),
                    ("udp_merged_receives", stats.merged_receives),
                ]
            }
            Kind::Packet(packet) => packet.counters(),
            Kind::Xot(xot) => xot.counters(),
            Kind::Stream(stream) => stream.counters(),
        };
        if let Some(pace) = &self.pace {
            let stats = pace.stats();
            all.extend([
                ("queue_full", stats.data_full),
                ("queue_control_full", stats.control_full),
                ("queue_discarded", stats.discarded),
                ("lost_on_purpose", stats.lost),
            ]);
        }
        all
    }
}

fn sent(now: Instant, frame: &[u8], watch: &mut Watch, counters: &mut LineCounters) {
    counters.tx_frames += 1;
    counters.tx_octets += frame.len() as u64;
    watch.frame(now, true, frame);
}

fn open_udp(local: &Endpoint, remote: &Endpoint) -> Result<BatchSocket, String> {
    let mut config = udp::Config::new(address(local)?, address(remote)?);
    config.receive_buffer = Some(UDP_BUFFER);
    config.send_buffer = Some(UDP_BUFFER);
    BatchSocket::open(&config).map_err(|error| error.to_string())
}

fn address(endpoint: &Endpoint) -> Result<SocketAddr, String> {
    match &endpoint.host {
        Host::Address(address) => Ok(SocketAddr::new(*address, endpoint.port)),
        Host::Name(name) => Err(format!("LINE: {name} was not resolved")),
    }
}

/// The same line with addresses in the place of names. It may wait for name servers: before the
/// loop runs, never in it.
///
/// # Errors
/// Which name has no address, and why.
pub fn resolve(spec: &LineSpec, root: &Root) -> Result<LineSpec, String> {
    let mut spec = spec.clone();
    match &mut spec.kind {
        KindSpec::Udp { local, remote } => {
            resolve_end(remote, root, Family::Any)?;
            let family = match &remote.host {
                Host::Address(IpAddr::V4(_)) => Family::V4,
                Host::Address(IpAddr::V6(_)) => Family::V6,
                Host::Name(_) => Family::Any,
            };
            resolve_end(local, root, family)?;
        }
        KindSpec::Tcp(end) | KindSpec::TcpListen { local: end, .. } => {
            resolve_end(end, root, Family::Any)?;
        }
        KindSpec::Xot(ends) => {
            for end in [&mut ends.remote, &mut ends.local].into_iter().flatten() {
                resolve_end(end, root, Family::Any)?;
            }
        }
        KindSpec::Cable(_)
        | KindSpec::Packet(_)
        | KindSpec::Lapbether(_)
        | KindSpec::Tty { .. }
        | KindSpec::Pty(_) => {}
    }
    Ok(spec)
}

fn resolve_end(endpoint: &mut Endpoint, root: &Root, family: Family) -> Result<(), String> {
    let Host::Name(name) = &endpoint.host else {
        return Ok(());
    };
    let settings = resolver::Settings::below(root);
    let addresses = resolver::resolve(name, family, &settings, RESOLVE_WITHIN)
        .map_err(|error| format!("LINE: {error}"))?;
    let first = addresses
        .first()
        .ok_or_else(|| format!("LINE: {name} has no address"))?;
    endpoint.host = Host::Address(*first);
    Ok(())
}
