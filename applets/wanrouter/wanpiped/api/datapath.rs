//! Frames between applications and the line.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use wanbox_runtime::event_loop::{Interest, Loop, Readiness, Token};
use wanbox_wanrouter_engine::{ChannelId, Engine, Marks, PayloadKind, Refusal};
use wanbox_wire::api::{Content, Kind, Reason, Repr, Status, flags};
use wanbox_wire::ip::VirtioHeader;

use super::{Api, Taken, wall_ns};
use crate::wanpiped::datapath::Outcome;
use crate::wanpiped::device::{Device, owner};
use crate::wanpiped::interface::HostEnd;
use crate::wanpiped::link::Link;
use crate::wanpiped::tty::Tty;

/// Messages read from one application in a turn.
const READS: usize = 64;
/// How soon an interface listens again whose applications could not be taken.
const LISTEN_AFTER: Duration = Duration::from_secs(1);
/// How often the state of a line that is not read is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Device {
    fn api_mut(&mut self, channel: u16) -> Option<&mut Api> {
        match &mut self.interface_mut(channel)?.end {
            HostEnd::Api(api) => Some(api),
            HostEnd::Tun { .. } => None,
        }
    }

    /// Applications come to the socket of an interface.
    pub fn accept_applications(&mut self, lp: &mut Loop, channel: u16) {
        loop {
            let Some(interface) = self.interface_mut(channel) else {
                return;
            };
            let held = interface.held.is_some();
            let HostEnd::Api(api) = &mut interface.end else {
                return;
            };
            match api.accept(lp, channel, held) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.take_applications_later(lp, channel, &error);
                    break;
                }
            }
        }
        if self.api_mut(channel).is_some_and(|api| api.wants_status()) {
            self.tell_application(channel);
        }
        self.follow_due = true;
    }

    /// An application cannot be taken, for want of descriptors: not every turn is to try it.
    fn take_applications_later(&mut self, lp: &mut Loop, channel: u16, error: &io::Error) {
        let now = lp.now();
        let allowed = self.complaints.allow(now);
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        if let Some(suppressed) = allowed {
            log::warn!(
                "{}: the application socket: {error}{}",
                interface.conf.name,
                crate::wanpiped::suppressed(suppressed)
            );
        }
        if let (HostEnd::Api(api), Some((source, _))) = (&interface.end, interface.sources)
            && lp.modify(source, &api.listener, Interest::None).is_ok()
        {
            let timer = Token::new(owner::APPLICATIONS, channel.into());
            lp.set_timer(timer, now + LISTEN_AFTER);
        }
    }

    /// Applications are taken again.
    pub fn take_applications_again(&mut self, lp: &mut Loop, channel: u16) {
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        if let (HostEnd::Api(api), Some((source, _))) = (&interface.end, interface.sources)
            && let Err(error) = lp.modify(source, &api.listener, Interest::Read)
        {
            log::error!("{}: the application socket: {error}", interface.conf.name);
        }
    }

    /// The application of an interface sent something, reads again, or is gone.
    pub fn application_ready(&mut self, lp: &mut Loop, channel: u16, readiness: Readiness) {
        if (readiness.writable || readiness.hangup)
            && let Some(api) = self.api_mut(channel)
        {
            api.drain();
            if api.wants_status() {
                self.tell_application(channel);
            }
            self.acknowledge();
        }
        if readiness.readable || readiness.hangup {
            self.read_application(lp, channel);
        }
        self.follow_due = true;
    }

    fn read_application(&mut self, lp: &mut Loop, channel: u16) {
        let now = lp.now();
        let mut buffer = mem::take(&mut self.packet_buffer);
        for _ in 0..READS {
            if self.is_waiting_for_line() {
                break;
            }
            let Some(interface) = self.interface_mut(channel) else {
                break;
            };
            let held = interface.held.is_some();
            let HostEnd::Api(api) = &mut interface.end else {
                break;
            };
            let Some(client) = api.client.as_mut().filter(|c| !held && c.may_send()) else {
                break;
            };
            let length = match client.socket.receive(&mut buffer) {
                Ok(None) => break,
                Ok(Some(0)) => {
                    api.dismiss(lp, held);
                    break;
                }
                Ok(Some(length)) => length,
                // It left with messages unread; what it sent is still there.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    client.deafen();
                    continue;
                }
                Err(_) => {
                    api.dismiss(lp, held);
                    break;
                }
            };
            let message = buffer.get(..length).unwrap_or_default();
            if let Outcome::Held(until) = self.send_message(now, channel, message) {
                self.hold(lp, channel, VirtioHeader::FINISHED, message, until);
                break;
            }
            if self.batch.is_full() {
                self.flush(lp);
            }
        }
        self.packet_buffer = buffer;
    }

    /// The time for a held message has come.
    pub(in crate::wanpiped) fn send_held_message(
        &mut self,
        now: Instant,
        channel: u16,
        message: &[u8],
    ) -> Outcome {
        let outcome = self.send_message(now, channel, message);
        if let (Outcome::Done, Some(api)) = (&outcome, self.api_mut(channel)) {
            api.orphan = false;
        }
        outcome
    }

    /// Does what a message of an application asks for.
    fn send_message(&mut self, now: Instant, channel: u16, message: &[u8]) -> Outcome {
        let parsed = Repr::parse(message);
        let asks_for_break = parsed.is_ok_and(|(header, _)| header.flags & flags::BREAK != 0);
        if asks_for_break && !self.can_break() {
            return self.cannot_break(channel, Repr::tag_of(message));
        }
        let Some(interface) = self
            .interfaces
            .get_mut(usize::from(channel))
            .and_then(Option::as_mut)
        else {
            return Outcome::Done;
        };
        interface.sending.entries += u64::from(interface.held.is_none());
        let HostEnd::Api(api) = &mut interface.end else {
            return Outcome::Done;
        };
        let (header, payload) = match parsed {
            Ok((header, payload)) if header.kind == Kind::Status && payload.is_empty() => {
                self.answer_status(channel, header.tag);
                return Outcome::Done;
            }
            Ok((header, payload)) if header.kind == Kind::Data && is_something(&header) => {
                (header, payload)
            }
            _ => {
                interface.sending.malformed += 1;
                api.refuse(Repr::tag_of(message), Reason::Malformed, 0);
                return Outcome::Done;
            }
        };
        let kind = PayloadKind::Raw(marks(&header));
        let id = ChannelId(channel);
        let head = match &mut self.link {
            // It keeps what it sends.
            Link::X25(engine) => engine
                .send(now, id, kind, payload, &mut |_, _, _| {})
                .map(|()| None),
            link => link.encapsulate(now, id, kind, payload.len()).map(Some),
        };
        let (reason, limit) = match head {
            Ok(head) => {
                interface.sending.packets += 1;
                interface.sending.octets += payload.len() as u64;
                self.counters.data_frames += 1;
                if let Some(head) = head.filter(|_| !payload.is_empty()) {
                    self.batch.push(head.as_ref(), payload);
                }
                if let Some(characters) = self.characters.as_mut().filter(|_| asks_for_break) {
                    characters.push_break(&mut self.batch);
                }
                if header.flags & flags::ACK != 0 {
                    api.expect_sent(self.batch.pushed(), header.tag);
                    self.answers_due = true;
                }
                return Outcome::Done;
            }
            Err(Refusal::Hold(until)) => return Outcome::Held(Some(until)),
            Err(Refusal::Full) => return Outcome::Held(None),
            Err(Refusal::LinkDown) => {
                interface.sending.link_down += 1;
                (Reason::LinkDown, 0)
            }
            Err(Refusal::ChannelDown) => {
                interface.sending.channel_down += 1;
                (Reason::ChannelDown, 0)
            }
            Err(Refusal::TooLong { limit }) => {
                interface.sending.refused += 1;
                (Reason::TooLong, limit as u32)
            }
            Err(Refusal::Unsupported) => {
                interface.sending.refused += 1;
                (Reason::Unsupported, 0)
            }
        };
        api.refuse(header.tag, reason, limit);
        Outcome::Done
    }

    /// An application asked for a break that the line does not send.
    fn cannot_break(&mut self, channel: u16, tag: u32) -> Outcome {
        if let Some(interface) = self.interface_mut(channel)
            && let HostEnd::Api(api) = &mut interface.end
        {
            interface.sending.entries += 1;
            interface.sending.refused += 1;
            api.refuse(tag, Reason::Unsupported, 0);
        }
        Outcome::Done
    }

    /// Gives a raw payload to the application of its interface. `false`: that is none of those.
    pub fn deliver_raw(&mut self, channel: u16, marks: Marks, payload: &[u8]) -> bool {
        let dlci = self.dlci(channel);
        let Some(interface) = self
            .interfaces
            .get_mut(usize::from(channel))
            .and_then(Option::as_mut)
        else {
            return false;
        };
        let streaming = interface.is_streaming();
        let HostEnd::Api(api) = &mut interface.end else {
            return false;
        };
        let receiving = &mut interface.receiving;
        self.follow_due = true;
        if !interface.up {
            receiving.not_started += 1;
            return true;
        }
        let Ok(length) = u16::try_from(payload.len()) else {
            receiving.not_taken += 1;
            return true;
        };
        let header = Repr {
            flags: marks_flags(&marks),
            dlci,
            length,
            protocol: marks.protocol,
            time_ns: wall_ns(),
            ..Repr::new(Kind::Data)
        };
        match api.deliver(&header, payload) {
            Taken::Yes => {
                self.counters.data_frames += 1;
                receiving.packets += 1;
                receiving.octets += payload.len() as u64;
            }
            Taken::NoClient | Taken::Lost => receiving.not_taken += 1,
        }
        if streaming && api.is_slow() && !self.line_paused {
            api.counters.line_paused += 1;
            self.line_paused = true;
        }
        true
    }

    fn dlci(&self, channel: u16) -> u16 {
        match &self.link {
            Link::FrameRelay(engine) => engine.channel_dlci(ChannelId(channel)).unwrap_or(0),
            _ => 0,
        }
    }

    /// Tells the application of an interface how the link and the channel are.
    pub fn tell_application(&mut self, channel: u16) {
        self.answer_status(channel, 0);
    }

    /// Tells every application how the link and its channel are.
    pub fn tell_applications(&mut self) {
        for channel in 0..self.interfaces.len() {
            self.tell_application(channel as u16);
        }
        self.follow_due = true;
    }

    fn answer_status(&mut self, channel: u16, tag: u32) {
        let id = ChannelId(channel);
        let dlci = self.dlci(channel);
        let link_up = self.link.is_up();
        let mtu = usize::from(self.conf.mtu);
        let limit = match &self.link {
            Link::FrameRelay(engine) => engine.channel_limit(id).unwrap_or(mtu),
            _ => mtu,
        };
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        let content = match &interface.conf.channel {
            crate::conf::Channel::FrameRelay(_) => Content::FrameRelay,
            crate::conf::Channel::CiscoHdlc(channel) if channel.asynchronous.is_some() => {
                Content::Characters
            }
            crate::conf::Channel::CiscoHdlc(channel) if channel.streaming => Content::Hdlc,
            // An application's interface is not for PPP.
            crate::conf::Channel::CiscoHdlc(_) | crate::conf::Channel::Ppp(_) => Content::CiscoHdlc,
            crate::conf::Channel::X25(_) => Content::X25,
        };
        let (channel_up, sending, receiving) =
            (interface.connected, interface.sending, interface.receiving);
        let HostEnd::Api(api) = &mut interface.end else {
            return;
        };
        let status = Status {
            link_up,
            channel_up,
            content,
            limit: limit as u32,
            rx_frames: receiving.packets,
            rx_octets: receiving.octets,
            rx_lost: api.counters.lost,
            tx_frames: sending.packets,
            tx_octets: sending.octets,
            tx_refused: api.counters.refused,
        };
        api.tell_status(tag, dlci, &status);
    }

    /// Answers for the frames that the line has by now.
    pub fn acknowledge(&mut self) {
        if !self.answers_due {
            return;
        }
        let place = self.batch.settled();
        let mut due = false;
        for interface in self.interfaces.iter_mut().flatten() {
            if let HostEnd::Api(api) = &mut interface.end {
                api.sent(place);
                due |= api.client.as_ref().is_some_and(|c| !c.unsent.is_empty());
            }
        }
        self.answers_due = due;
        self.follow_due = true;
    }

    /// What was gathered for the line is lost, and applications that wait for answers hear it.
    pub fn frames_lost(&mut self) {
        if !mem::take(&mut self.answers_due) {
            return;
        }
        for interface in self.interfaces.iter_mut().flatten() {
            if let HostEnd::Api(api) = &mut interface.end {
                api.line_lost();
            }
        }
        self.follow_due = true;
    }

    /// At the end of a turn: applications are waited for as what happened in it allows, and a line
    /// that is left unread for a slow one is looked at from time to time, or read again.
    pub fn follow_applications(&mut self, lp: &mut Loop) {
        if !mem::take(&mut self.follow_due) {
            return;
        }
        self.follow_reading(lp);
        let timer = Token::new(owner::PAUSED, 0);
        if !self.line_paused {
            return;
        }
        let caught_up = self.interfaces.iter().flatten().all(|i| match &i.end {
            HostEnd::Api(api) => api.has_caught_up(),
            HostEnd::Tun { .. } => true,
        });
        if caught_up && self.tty.as_ref().is_none_or(Tty::has_caught_up) {
            self.line_paused = false;
            lp.cancel_timer(timer);
        } else if lp.timer(timer).is_none() {
            lp.set_timer(timer, lp.now() + LOOK_EVERY);
        }
        self.watch_line(lp);
    }

    /// The line is left unread: only its state is looked at.
    pub fn look_at_paused_line(&mut self, lp: &mut Loop) {
        self.follow_due = true;
        let nothing = Readiness {
            readable: false,
            writable: false,
            hangup: false,
        };
        self.line_ready(lp, Token::new(owner::LINE, 1), nothing);
    }
}

fn marks(header: &Repr) -> Marks {
    let has = |flag| header.flags & flag != 0;
    Marks {
        command_response: has(flags::CR),
        fecn: has(flags::FECN),
        becn: has(flags::BECN),
        discard_eligible: has(flags::DE),
        protocol: header.protocol,
        line_break: has(flags::BREAK),
    }
}

/// There is something to send: octets, or a break.
fn is_something(header: &Repr) -> bool {
    header.length > 0 || header.flags & flags::BREAK != 0
}

fn marks_flags(marks: &Marks) -> u16 {
    [
        (marks.command_response, flags::CR),
        (marks.fecn, flags::FECN),
        (marks.becn, flags::BECN),
        (marks.discard_eligible, flags::DE),
        (marks.line_break, flags::BREAK),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .map(|(_, flag)| flag)
    .sum()
}
