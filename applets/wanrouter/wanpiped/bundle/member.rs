//! A member of a bundle: its way to the first device.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wanbox_link::ppp::Cause;
use wanbox_link::ppp::lcp::Multilink;
use wanbox_runtime::datagram::Datagram;
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_wanrouter_engine::ppp::Candidate;
use wanbox_wire::ppp::member::{Join, Message};

use super::{MAX_MESSAGE, MESSAGES, Side, socket};
use crate::control::BundleStatus;
use crate::wanpiped::device::{Device, owner};
use crate::wanpiped::link::Link;

/// How soon the first device is sought again.
const SEEK_AFTER: Duration = Duration::from_secs(1);

/// A member's side.
pub struct Member {
    first: String,
    path: PathBuf,
    socket: Option<(Datagram, Source)>,
    /// What the first device wants negotiated.
    welcome: Option<Multilink>,
    joined: bool,
    refused: Option<String>,
    /// The first device was told that the line is full.
    told_full: bool,
    /// Its frames are read.
    reading: bool,
    /// Frames of the line that it did not take.
    pub lost: u64,
}

impl Member {
    /// A member of the bundle of this device.
    pub fn new(first: &str, run_dir: &Path) -> Self {
        Self {
            first: first.to_owned(),
            path: socket(run_dir, first),
            socket: None,
            welcome: None,
            joined: false,
            refused: None,
            told_full: false,
            reading: true,
            lost: 0,
        }
    }

    /// The first device is there.
    pub fn is_welcome(&self) -> bool {
        self.welcome.is_some()
    }

    /// What the first device wants negotiated.
    pub fn multilink(&self) -> Option<&Multilink> {
        self.welcome.as_ref()
    }

    /// What is wrong beside the link, in words.
    pub fn reason(&self) -> Option<String> {
        if !self.is_welcome() {
            return Some(format!(
                "{}, the first device of the bundle, does not run or has no bundle",
                self.first
            ));
        }
        let refused = self.refused.as_ref()?;
        Some(format!("{} refused it: {refused}", self.first))
    }

    /// The state for people.
    pub fn status(&self) -> BundleStatus {
        BundleStatus {
            first: Some(self.first.clone()),
            joined: self.joined,
            reason: self.reason(),
            links: 0,
            members: Vec::new(),
        }
    }

    /// Sends a message; `false`: it was not taken.
    fn send(&self, message: &Message<'_>) -> bool {
        let Some((socket, _)) = &self.socket else {
            return false;
        };
        let mut octets = Vec::new();
        message.append(&mut octets);
        socket.send(&octets).is_ok()
    }

    /// Hands a frame of the line over.
    pub fn hand_over(&mut self, frame: &[u8]) {
        let taken = match &self.socket {
            Some((socket, _)) if self.joined => {
                let pieces = [io::IoSlice::new(&[Message::FRAME]), io::IoSlice::new(frame)];
                socket.send_pieces(&pieces).is_ok()
            }
            _ => false,
        };
        self.lost += u64::from(!taken);
    }
}

impl Device {
    /// Connects to the first device, or tries again later.
    pub fn seek_first(&mut self, lp: &mut Loop) {
        let Side::Member(member) = &mut self.bundle else {
            return;
        };
        if member.socket.is_some() {
            return;
        }
        let connected = Datagram::local(&member.path).and_then(|socket| {
            let token = Token::new(owner::BUNDLE, 0);
            let source = lp.register(&socket, token, Interest::Read, Priority::Data)?;
            Ok((socket, source))
        });
        match connected {
            Ok(connected) => {
                member.socket = Some(connected);
                member.reading = true;
                member.told_full = false;
            }
            Err(error) => {
                log::debug!("{}: {}: {error}", self.conf.name, member.path.display());
                lp.set_timer(Token::new(owner::BUNDLE, 0), lp.now() + SEEK_AFTER);
            }
        }
    }

    pub(super) fn first_ready(&mut self, lp: &mut Loop) {
        let mut buffer = std::mem::take(&mut self.bundle_buffer);
        buffer.resize(MAX_MESSAGE, 0);
        for _ in 0..MESSAGES {
            if self.is_waiting_for_line() || self.batch.is_full() {
                break;
            }
            let Side::Member(member) = &mut self.bundle else {
                break;
            };
            let Some((socket, _)) = &member.socket else {
                break;
            };
            let octets = match socket.receive(&mut buffer) {
                Ok(Some(0)) | Err(_) => {
                    self.first_gone(lp);
                    break;
                }
                Ok(Some(length)) => buffer.get(..length).unwrap_or_default(),
                Ok(None) => break,
            };
            match Message::parse(octets) {
                Ok(Message::Frame(frame)) if member.joined => {
                    self.counters.data_frames += 1;
                    self.batch.push(frame, &[]);
                }
                // Sent before it heard that the link is down.
                Ok(Message::Frame(_)) => self.counters.tx_lost += 1,
                Ok(Message::Welcome {
                    mrru,
                    short_sequence,
                    discriminator,
                }) => {
                    member.welcome = Some(Multilink {
                        mrru,
                        short_sequence,
                        endpoint: discriminator.into(),
                        on_request: false,
                    });
                    log::info!("{}: {} has a bundle", self.conf.name, member.first);
                    self.begin_as_member(lp);
                }
                Ok(Message::Joined) => {
                    member.joined = true;
                    member.refused = None;
                    log::info!("{}: in the bundle of {}", self.conf.name, member.first);
                    self.texts_stale = true;
                }
                Ok(Message::Refused(why)) => {
                    log::warn!("{}: {} refused: {why}", self.conf.name, member.first);
                    member.refused = Some(why.to_owned());
                    self.texts_stale = true;
                    if let Link::Ppp(engine) = &mut self.link {
                        engine.fail(lp.now(), Cause::Local);
                    }
                    self.pump(lp);
                }
                Ok(_) | Err(_) => self.counters.bundle_malformed += 1,
            }
        }
        self.bundle_buffer = buffer;
        self.flush(lp);
    }

    /// What the first device wants is known: LCP begins with it.
    fn begin_as_member(&mut self, lp: &mut Loop) {
        let now = lp.now();
        let fresh = crate::wanpiped::setup::engine(&self.conf, &self.bundle, &self.secrets, now);
        match fresh {
            Ok(engine) => self.replace_engine(lp, engine),
            Err(error) => log::error!("{error}"),
        }
    }

    /// The first device is gone: the peer is told, and it is sought again.
    fn first_gone(&mut self, lp: &mut Loop) {
        let Side::Member(member) = &mut self.bundle else {
            return;
        };
        if let Some((socket, source)) = member.socket.take() {
            // It is closed in a moment anyway.
            let _ = lp.deregister(source, &socket);
        }
        log::warn!("{}: {} is gone", self.conf.name, member.first);
        member.joined = false;
        if let Link::Ppp(engine) = &mut self.link {
            engine.close(lp.now());
        }
        self.pump(lp);
        if let Side::Member(member) = &mut self.bundle {
            member.welcome = None;
        }
        self.follow_carrier(lp.now());
        self.pump(lp);
        lp.set_timer(Token::new(owner::BUNDLE, 0), lp.now() + SEEK_AFTER);
    }

    /// The link of this device came up or went down: its first device hears of it.
    pub fn tell_first(&mut self, up: bool) {
        let (Link::Ppp(engine), Side::Member(member)) = (&self.link, &mut self.bundle) else {
            return;
        };
        if !up {
            member.joined = false;
            member.send(&Message::Left);
            return;
        }
        let candidate = Candidate::of(engine.link(), u64::from(self.conf.baud_rate));
        let mut discriminator = Vec::new();
        if let Some(endpoint) = &candidate.identity.endpoint {
            endpoint.append(&mut discriminator);
        }
        member.send(&Message::Join(Join {
            rate_bps: candidate.rate_bps,
            mru: candidate.mru,
            acfc: candidate.acfc,
            pfc: candidate.pfc,
            mrru: candidate.mrru,
            short: candidate.short,
            device: self.conf.name.as_bytes(),
            discriminator: &discriminator,
            name: candidate.identity.name.as_deref().unwrap_or_default(),
        }));
    }

    /// The line is full or has room again: the first device hears of it, and is read or not.
    pub(super) fn tell_first_of_line(&mut self, lp: &mut Loop, may_send: bool) {
        let Side::Member(member) = &mut self.bundle else {
            return;
        };
        if member.told_full == may_send {
            let message = if may_send {
                Message::Ready
            } else {
                Message::Full
            };
            if member.send(&message) {
                member.told_full = !may_send;
            }
        }
        if member.reading != may_send
            && let Some((socket, source)) = &member.socket
        {
            let interest = Interest::of(may_send, false);
            match lp.modify(*source, socket, interest) {
                Ok(()) => member.reading = may_send,
                Err(error) => log::error!("{}: {}: {error}", self.conf.name, member.first),
            }
        }
    }
}
