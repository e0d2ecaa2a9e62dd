//! Frames of packet radio that wait for a line. They are framed when it is their turn, and no more of them are with
//! the system or the controller than keep the line busy: who waits in a window must see it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_net_engine::interface::Crc;
use wanbox_wire::kiss::{ACKMODE, Check, Kiss};

use super::share::Client;

/// The most octets that wait, also of those who did not ask whether there is room.
const MOST: usize = 32 * 1024;
/// Octets that wait before there is no room any more: what a line sends in a quarter of a second, within these.
const ROOM: (usize, usize) = (512, 4096);
/// How long before the line is free its next frame is written.
const EARLY: Duration = Duration::from_millis(50);
/// Bits of an octet on an asynchronous line.
const BITS: u64 = 10;
/// Frames that a controller has which says when they were sent.
const MOST_UNSENT: usize = 2;
/// How long it may take to say so: a busy channel.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who wants to know that a frame was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// A program that shares the interface.
    pub client: Client,
    /// The type of its frame, and what it calls it.
    pub kind: u8,
    pub id: [u8; 2],
}

/// A frame that waits.
struct Frame {
    octets: usize,
    /// Its type in KISS.
    kind: u8,
    tag: Option<Tag>,
}

/// A frame that the controller has.
struct Unsent {
    id: [u8; 2],
    tag: Option<Tag>,
    since: Instant,
}

/// What the far end says of frames (`param IF Ackmode`).
#[derive(Default)]
struct Acks {
    last: u16,
    unsent: VecDeque<Unsent>,
}

/// Frames that wait.
#[derive(Default)]
pub struct Pending {
    octets: VecDeque<u8>,
    frames: VecDeque<Frame>,
    /// Bits a second; 0: the line is as fast as it takes what is written.
    speed: u32,
    /// When the line has sent what was written to it.
    free: Option<Instant>,
    acks: Option<Acks>,
    /// The frame whose turn it is.
    frame: Vec<u8>,
    /// Frames of others that were sent.
    pub sent: Vec<Tag>,
    /// Frames of which the controller never said that they were sent.
    pub unanswered: u64,
}

impl Pending {
    /// Nothing waits; for a line of so many bits a second, or 0.
    pub fn new(speed: u32) -> Self {
        Self {
            speed,
            ..Self::default()
        }
    }

    /// The line has another speed.
    pub const fn set_speed(&mut self, speed: u32) {
        self.speed = speed;
    }

    /// Frames that wait.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// A frame would not wait for long.
    pub fn has_room(&self) -> bool {
        let (least, most) = ROOM;
        let room = match self.speed as usize / (BITS as usize * 4) {
            0 => most,
            room => room.clamp(least, most),
        };
        self.octets.len() < room
    }

    /// Puts a frame behind the others. `false`: too much waits.
    pub fn push(&mut self, kind: u8, frame: &[u8], tag: Option<Tag>) -> bool {
        if self.octets.len() + frame.len() > MOST {
            return false;
        }
        self.octets.extend(frame);
        let octets = frame.len();
        self.frames.push_back(Frame { octets, kind, tag });
        true
    }

    /// The next frame that the line may have now, as it is in its framing. `kiss`: with a type before it, and as
    /// the controller says also with a check sequence.
    pub fn next(
        &mut self,
        now: Instant,
        check: &mut Crc,
        kiss: bool,
        framed: &mut Vec<u8>,
    ) -> bool {
        if self.due(now).is_none_or(|due| due > now) {
            return false;
        }
        let Some(Frame { octets, kind, tag }) = self.frames.pop_front() else {
            return false;
        };
        framed.clear();
        let data = self.octets.drain(..octets.min(self.octets.len()));
        if !kiss {
            framed.extend(data);
            self.sent.extend(tag);
            return true;
        }
        self.frame.clear();
        self.frame.extend(data);
        let data = &self.frame;
        let is_data = kind & 0x0f == 0;
        match &mut self.acks {
            Some(acks) if is_data => {
                while acks
                    .unsent
                    .pop_front_if(|unsent| unsent.since + PATIENCE <= now)
                    .is_some()
                {
                    self.unanswered += 1;
                }
                acks.last = acks.last.wrapping_add(1);
                let id = acks.last.to_be_bytes();
                framed.push(kind | ACKMODE);
                framed.extend_from_slice(&id);
                framed.extend_from_slice(data);
                let since = now;
                acks.unsent.push_back(Unsent { id, tag, since });
            }
            _ => {
                let check = if is_data {
                    next_check(check)
                } else {
                    Check::None
                };
                Kiss { kind, check, data }.append(framed);
                self.sent.extend(tag);
            }
        }
        true
    }

    /// So many octets are on their way.
    pub fn written(&mut self, now: Instant, octets: usize) {
        if self.speed > 0 {
            let bits = octets as u64 * BITS;
            let time = Duration::from_micros(bits * 1_000_000 / u64::from(self.speed));
            self.free = Some(self.free.map_or(now, |free| free.max(now)) + time);
        }
    }

    /// When the next frame may be written.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        self.frames.front()?;
        let free = self.free.and_then(|free| free.checked_sub(EARLY));
        let unsent = self.acks.as_ref().map(|acks| &acks.unsent);
        let full = unsent.filter(|unsent| unsent.len() >= MOST_UNSENT);
        let answered = full.and_then(VecDeque::front);
        let answered = answered.map(|unsent| unsent.since + PATIENCE);
        Some(now.max(free.unwrap_or(now)).max(answered.unwrap_or(now)))
    }

    /// Whether the controller says when a frame was sent.
    pub const fn has_acks(&self) -> bool {
        self.acks.is_some()
    }

    /// It does, or does not any more.
    pub fn set_acks(&mut self, on: bool) {
        if on != self.has_acks() {
            self.acks = on.then(Acks::default);
        }
    }

    /// The controller says that a frame was sent. `false`: it has no such frame.
    pub fn acknowledged(&mut self, id: &[u8]) -> bool {
        let Some(acks) = &mut self.acks else {
            return false;
        };
        let place = acks.unsent.iter().position(|unsent| unsent.id == id);
        let sent = place.and_then(|place| acks.unsent.remove(place));
        self.sent.extend(sent.as_ref().and_then(|sent| sent.tag));
        sent.is_some()
    }

    /// Forgets all of them, and what the far end has: so many frames.
    pub fn discard(&mut self) -> usize {
        let frames = self.len();
        self.frames.clear();
        self.octets.clear();
        self.free = None;
        if let Some(acks) = &mut self.acks {
            acks.unsent.clear();
        }
        frames
    }
}

/// The check sequence of a data frame, and what comes after a test.
const fn next_check(mode: &mut Crc) -> Check {
    match mode {
        Crc::Off | Crc::Ccitt => Check::None,
        Crc::Crc16 => Check::Smack,
        Crc::Rmnc => Check::Rmnc,
        Crc::Test16 => {
            *mode = Crc::TestRmnc;
            Check::Smack
        }
        Crc::TestRmnc => {
            *mode = Crc::Off;
            Check::Rmnc
        }
    }
}
