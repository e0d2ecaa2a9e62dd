//! The first device of a bundle: its members' sockets.

use std::io::{self, IoSlice};
use std::path::Path;

use wanbox_link::ppp::multilink::{MAX_MEMBERS, MemberId};
use wanbox_runtime::datagram::{Datagram, Listener};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Readiness, Source, Token};
use wanbox_runtime::files;
use wanbox_wanrouter_engine::ppp::{Candidate, Identity};
use wanbox_wire::ppp::member::{Join, Message};
use wanbox_wire::ppp::multilink::Discriminator;

use super::{MAX_MESSAGE, MESSAGES, Side, socket};
use crate::conf::MultilinkConf;
use crate::control::{BundleStatus, MemberStatus};
use crate::wanpiped::device::{Device, owner};
use crate::wanpiped::link::Link;

/// The first device's side.
pub struct First {
    listener: Listener,
    source: Option<Source>,
    multilink: MultilinkConf,
    discriminator: Discriminator,
    members: Vec<Option<Other>>,
    /// Members are ready, or not, that were not, or were.
    changed: bool,
    /// Frames that a member's socket did not take although it had room.
    lost: u64,
    /// The own line takes frames.
    line_ready: bool,
}

/// A member.
struct Other {
    socket: Datagram,
    source: Source,
    /// Its device, once it told.
    device: String,
    /// Its number in the bundle, while it is in it.
    id: Option<MemberId>,
    rate_bps: u64,
    /// Its line takes no frames.
    full: bool,
    /// Its socket took no more: this frame waits.
    waits: Option<Vec<u8>>,
    /// Why it was refused last.
    refused: Option<String>,
}

impl First {
    /// Listens for members.
    ///
    /// # Errors
    /// What could not be made and why, for people.
    pub fn open(device: &str, multilink: &MultilinkConf, run_dir: &Path) -> Result<Self, String> {
        let path = socket(run_dir, device);
        files::make_dir(&run_dir.join("bundle")).map_err(|error| error.to_string())?;
        let listener = Listener::bind(&path, 0o600)
            .map_err(|error| format!("{device}: {}: {error}", path.display()))?;
        let mut address = [0; 16];
        getrandom::fill(&mut address).map_err(|error| format!("no random numbers: {error}"))?;
        let discriminator = Discriminator::local(&address).map_err(|error| error.to_string())?;
        Ok(Self {
            listener,
            source: None,
            multilink: *multilink,
            discriminator,
            members: Vec::new(),
            changed: false,
            lost: 0,
            line_ready: true,
        })
    }

    /// Whose this end is, as an option has it: a class and an address.
    pub fn endpoint(&self) -> Box<[u8]> {
        let mut data = Vec::new();
        self.discriminator.append(&mut data);
        data.into()
    }

    /// Gives a frame to the member of this number.
    pub fn send_to(&mut self, member: u8, head: &[u8], data: &[u8]) {
        let mut members = self.members.iter_mut().flatten();
        let Some(member) = members.find(|other| other.id == Some(MemberId(member))) else {
            self.lost += 1;
            return;
        };
        if member.waits.is_some() {
            self.lost += 1;
            return;
        }
        let kind = [Message::FRAME];
        let pieces = [IoSlice::new(&kind), IoSlice::new(head), IoSlice::new(data)];
        match member.socket.send_pieces(&pieces) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                member.waits = Some([&kind[..], head, data].concat());
                self.changed = true;
            }
            // It went away; its socket says so in a moment.
            Err(_) => self.lost += 1,
        }
    }

    fn place(&mut self, place: usize) -> Option<&mut Other> {
        self.members.get_mut(place)?.as_mut()
    }

    /// The state for people.
    pub fn status(&self, engine: &wanbox_wanrouter_engine::ppp::Ppp) -> BundleStatus {
        let bundle = engine.bundle();
        let members = self.members.iter().flatten().map(|member| {
            let stats = member.id.and_then(|id| bundle?.member_stats(id)).copied();
            let stats = stats.unwrap_or_default();
            MemberStatus {
                device: member.device.clone(),
                joined: member.id.is_some(),
                reason: member.refused.clone(),
                rate: member.rate_bps,
                tx_fragments: stats.tx_fragments,
                tx_octets: stats.tx_octets,
                rx_fragments: stats.rx_fragments,
                rx_octets: stats.rx_octets,
            }
        });
        BundleStatus {
            first: None,
            joined: engine.is_bundled(),
            reason: None,
            links: bundle.map_or(0, |bundle| bundle.member_count()),
            members: members.collect(),
        }
    }

    /// Frames that could not be given to a member.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl Device {
    /// Members may come.
    ///
    /// # Errors
    /// Those of registering the descriptor, for people.
    pub fn listen_for_members(&mut self, lp: &mut Loop) -> Result<(), String> {
        let Side::First(first) = &mut self.bundle else {
            return Ok(());
        };
        let token = Token::new(owner::BUNDLE, 0);
        let source = lp.register(&first.listener, token, Interest::Read, Priority::Normal);
        first.source = Some(source.map_err(|error| format!("{}: {error}", self.conf.name))?);
        Ok(())
    }

    pub(super) fn accept_members(&mut self, lp: &mut Loop) {
        loop {
            let Side::First(first) = &mut self.bundle else {
                return;
            };
            let socket = match first.listener.accept() {
                Ok(Some(socket)) => socket,
                Ok(None) => return,
                Err(error) => {
                    log::error!("{}: a member could not come: {error}", self.conf.name);
                    return;
                }
            };
            let place = first.members.iter().position(Option::is_none);
            let place = place.unwrap_or(first.members.len());
            let mut welcome = Vec::new();
            if place >= MAX_MEMBERS {
                Message::Refused("the bundle has as many links as it can").append(&mut welcome);
                // It goes away in any case.
                let _ = socket.send(&welcome);
                continue;
            }
            let endpoint = first.endpoint();
            Message::Welcome {
                mrru: first.multilink.mrru,
                short_sequence: first.multilink.short_sequence,
                discriminator: &endpoint,
            }
            .append(&mut welcome);
            let token = Token::new(owner::BUNDLE, place as u32 + 1);
            let registered = lp.register(&socket, token, Interest::Read, Priority::Data);
            let source = match registered.and_then(|source| socket.send(&welcome).map(|()| source))
            {
                Ok(source) => source,
                Err(error) => {
                    log::error!("{}: a member could not come: {error}", self.conf.name);
                    continue;
                }
            };
            let other = Other {
                socket,
                source,
                device: String::new(),
                id: None,
                rate_bps: 0,
                full: false,
                waits: None,
                refused: None,
            };
            match first.members.get_mut(place) {
                Some(slot) => *slot = Some(other),
                None => first.members.push(Some(other)),
            }
        }
    }

    pub(super) fn member_ready(&mut self, lp: &mut Loop, place: usize, readiness: Readiness) {
        if readiness.writable {
            self.send_waiting(place);
        }
        let now = lp.now();
        let mut buffer = std::mem::take(&mut self.bundle_buffer);
        buffer.resize(MAX_MESSAGE, 0);
        for _ in 0..MESSAGES {
            let Side::First(first) = &mut self.bundle else {
                break;
            };
            let Some(member) = first.place(place) else {
                break;
            };
            let octets = match member.socket.receive(&mut buffer) {
                Ok(Some(0)) | Err(_) => {
                    self.member_gone(lp, place);
                    break;
                }
                Ok(Some(length)) => buffer.get(..length).unwrap_or_default(),
                Ok(None) => break,
            };
            let id = member.id;
            match Message::parse(octets) {
                Ok(Message::Frame(frame)) => {
                    if let (Link::Ppp(engine), Some(id)) = (&mut self.link, id)
                        && let Some(delivery) = engine.receive_from(now, id, frame)
                    {
                        self.deliver(now, delivery);
                    }
                    self.deliver_made(now);
                }
                Ok(Message::Join(join)) => self.member_joins(lp, place, &join),
                Ok(Message::Left) => self.member_leaves(lp, place),
                Ok(Message::Ready) => self.member_full(place, false),
                Ok(Message::Full) => self.member_full(place, true),
                Ok(_) | Err(_) => self.counters.bundle_malformed += 1,
            }
        }
        self.bundle_buffer = buffer;
        self.finish_delivery(now);
        self.pump(lp);
        self.flush(lp);
    }

    /// A member's link is up.
    fn member_joins(&mut self, lp: &mut Loop, place: usize, join: &Join<'_>) {
        let candidate = Candidate {
            rate_bps: join.rate_bps,
            mru: join.mru,
            acfc: join.acfc,
            pfc: join.pfc,
            mrru: join.mrru,
            short: join.short,
            identity: Identity {
                endpoint: Discriminator::parse(join.discriminator).ok(),
                name: (!join.name.is_empty()).then(|| join.name.into()),
            },
        };
        self.member_leaves(lp, place);
        let (Link::Ppp(engine), Side::First(first)) = (&mut self.link, &mut self.bundle) else {
            return;
        };
        let Some(member) = first.place(place) else {
            return;
        };
        member.device = String::from_utf8_lossy(join.device).into_owned();
        member.rate_bps = join.rate_bps;
        let mut answer = Vec::new();
        match engine.join(lp.now(), &candidate) {
            Ok(id) => {
                member.id = Some(id);
                member.refused = None;
                engine.set_ready(id, !member.full && member.waits.is_none());
                Message::Joined.append(&mut answer);
                log::info!("{}: {} joined the bundle", self.conf.name, member.device);
            }
            Err(why) => {
                let why = why.to_string();
                Message::Refused(&why).append(&mut answer);
                log::warn!("{}: {} refused: {why}", self.conf.name, member.device);
                member.refused = Some(why);
            }
        }
        // One that cannot be told is gone in a moment.
        let _ = member.socket.send(&answer);
        first.changed = true;
        self.texts_stale = true;
    }

    /// A member's link is down.
    fn member_leaves(&mut self, lp: &mut Loop, place: usize) {
        let (Link::Ppp(engine), Side::First(first)) = (&mut self.link, &mut self.bundle) else {
            return;
        };
        let Some(member) = first.place(place) else {
            return;
        };
        member.waits = None;
        if let Some(id) = member.id.take() {
            log::info!("{}: {} left the bundle", self.conf.name, member.device);
            engine.leave(lp.now(), id);
            first.changed = true;
            self.texts_stale = true;
        }
    }

    /// A member's process is gone.
    fn member_gone(&mut self, lp: &mut Loop, place: usize) {
        self.member_leaves(lp, place);
        if let Side::First(first) = &mut self.bundle
            && let Some(member) = first.members.get_mut(place).and_then(Option::take)
        {
            // It is closed in a moment anyway.
            let _ = lp.deregister(member.source, &member.socket);
        }
    }

    fn member_full(&mut self, place: usize, full: bool) {
        if let Side::First(first) = &mut self.bundle
            && let Some(member) = first.place(place)
        {
            member.full = full;
            first.changed = true;
        }
    }

    /// Sends the frame that waits for a member's socket.
    fn send_waiting(&mut self, place: usize) {
        let Side::First(first) = &mut self.bundle else {
            return;
        };
        let Some(member) = first.place(place) else {
            return;
        };
        if let Some(frame) = member.waits.take() {
            match member.socket.send(&frame) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    member.waits = Some(frame);
                }
                Ok(()) | Err(_) => first.changed = true,
            }
        }
    }

    /// Tells the bundle which members take fragments; whether any does.
    pub(super) fn follow_members(&mut self, lp: &mut Loop, line_ready: bool) -> bool {
        let (Link::Ppp(engine), Side::First(first)) = (&mut self.link, &mut self.bundle) else {
            return line_ready;
        };
        first.line_ready = line_ready;
        if std::mem::take(&mut first.changed) {
            for member in first.members.iter().flatten() {
                let waits = member.waits.is_some();
                if let Some(id) = member.id {
                    engine.set_ready(id, !member.full && !waits);
                }
                let interest = Interest::of(true, waits);
                if let Err(error) = lp.modify(member.source, &member.socket, interest) {
                    log::error!("{}: {}: {error}", self.conf.name, member.device);
                }
            }
        }
        engine.set_line_ready(line_ready)
    }

    /// Tells the bundle at once of members that a packet has filled.
    pub fn follow_full_members(&mut self) {
        if let (Link::Ppp(engine), Side::First(first)) = (&mut self.link, &mut self.bundle)
            && first.changed
        {
            for member in first.members.iter().flatten() {
                if let (Some(id), Some(_)) = (member.id, &member.waits) {
                    engine.set_ready(id, false);
                }
            }
        }
    }
}
