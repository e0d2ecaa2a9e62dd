//! The bundle of a link (RFC 1990): this link and those of other devices as one.
//!
//! The network layers are the bundle's: they are up while any member is. Members of other devices
//! run their LCP and authentication themselves (a [`Ppp`] whose [`Role`] is [`Role::Member`]) and
//! give their frames here.

use std::fmt;
use std::time::Instant;

use wanbox_link::ppp::Link;
use wanbox_link::ppp::lcp::Negotiated;
use wanbox_link::ppp::multilink::{Bundle, Config as BundleConfig, MemberConfig, MemberId, Unsent};
use wanbox_wire::ppp::multilink::{Discriminator, Format};
use wanbox_wire::ppp::{Frame, Protocol};

use super::{Ppp, Role};
use crate::{Delivery, Path, PayloadKind, Push};

/// What a link has to do with a bundle, beside what its profile negotiates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// The bit rate of this link, bit/s; 0: not known.
    pub rate_bps: u64,
    /// A packet is cut into no fragments shorter than this, octets.
    pub min_fragment: usize,
    /// How long a fragment waits for one that should have come before it.
    pub patience: std::time::Duration,
}

/// A link that wants to be a member, after its LCP and its authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its bit rate, bit/s; 0: not known.
    pub rate_bps: u64,
    /// The longest information field that the peer takes on it, octets.
    pub mru: u16,
    /// The peer reads frames without address and control on it.
    pub acfc: bool,
    /// The peer reads protocols of one octet on it.
    pub pfc: bool,
    /// The longest packets that the peer and we put together, octets; `None`: no multilink.
    pub mrru: Option<(u16, u16)>,
    /// The peer, and we, asked for short sequence numbers.
    pub short: (bool, bool),
    /// Whose the other end is.
    pub identity: Identity,
}

/// Whose the other end of a link is (RFC 1990 section 5.1.3): links to the same system are one
/// bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its endpoint discriminator.
    pub endpoint: Option<Discriminator>,
    /// The name that it has proved.
    pub name: Option<Box<[u8]>>,
}

impl Candidate {
    /// What this link offers.
    pub fn of(link: &Link, rate_bps: u64) -> Self {
        let (local, peer): (Negotiated, &Negotiated) = (link.local(), link.peer());
        Self {
            rate_bps,
            mru: peer.mru,
            acfc: peer.acfc,
            pfc: peer.pfc,
            mrru: peer.mrru.zip(local.mrru),
            short: (peer.short_sequence, local.short_sequence),
            identity: Identity {
                endpoint: link
                    .peer_endpoint()
                    .and_then(|endpoint| Discriminator::parse(endpoint).ok()),
                name: link.peer_name().map(Into::into),
            },
        }
    }

    fn formats(&self) -> (Format, Format) {
        let format = |short| if short { Format::Short } else { Format::Long };
        (format(self.short.0), format(self.short.1))
    }
}

/// Why a link is not taken into a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotJoined {
    /// This link has no bundle.
    NoBundle,
    /// The peer did not agree to multilink on the new link.
    NoMultilink,
    /// The peer did not agree to multilink on the first link.
    FirstWithoutMultilink,
    /// The other ends have different endpoint discriminators.
    OtherEndpoint,
    /// The other ends proved different names.
    OtherName,
    /// The sequence numbers, or the MRRU, are others than those of the bundle.
    OtherOptions,
    /// As many members as there may be.
    Full,
}

impl fmt::Display for NotJoined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBundle => "the first device has no bundle: MULTILINK = YES is missing there",
            Self::NoMultilink => "the peer does not speak multilink on this link",
            Self::FirstWithoutMultilink => "the peer does not speak multilink on the first link",
            Self::OtherEndpoint => "another system is at the other end than that of the bundle",
            Self::OtherName => "the other end proved another name than that of the bundle",
            Self::OtherOptions => "the peer asks for other multilink options than the bundle has",
            Self::Full => "the bundle has as many links as it can",
        })
    }
}

/// A bundle with members.
#[derive(Debug)]
pub(super) struct Group {
    pub bundle: Bundle,
    /// The member that is the engine's own line.
    pub own: Option<MemberId>,
    identity: Identity,
    formats: (Format, Format),
    /// The longest packet that the peer puts together.
    pub mrru: u16,
}

impl Group {
    /// A bundle for a first member.
    fn new(sharing: &Sharing, first: &Candidate) -> Result<Self, NotJoined> {
        let (peer_mrru, our_mrru) = first.mrru.ok_or(NotJoined::NoMultilink)?;
        let (send_format, receive_format) = first.formats();
        let config = BundleConfig {
            send_format,
            receive_format,
            receive_limit: our_mrru.into(),
            send_limit: peer_mrru.into(),
            min_fragment: sharing.min_fragment,
            patience: sharing.patience,
            ..Default::default()
        };
        Ok(Self {
            bundle: Bundle::new(config).map_err(|_| NotJoined::OtherOptions)?,
            own: None,
            identity: first.identity.clone(),
            formats: first.formats(),
            mrru: peer_mrru,
        })
    }

    fn join(&mut self, now: Instant, new: &Candidate) -> Result<MemberId, NotJoined> {
        let Some((peer_mrru, _)) = new.mrru else {
            return Err(NotJoined::NoMultilink);
        };
        if new.identity.endpoint != self.identity.endpoint {
            return Err(NotJoined::OtherEndpoint);
        }
        if new.identity.name != self.identity.name {
            return Err(NotJoined::OtherName);
        }
        if new.formats() != self.formats || peer_mrru != self.mrru {
            return Err(NotJoined::OtherOptions);
        }
        let config = MemberConfig {
            rate_bps: new.rate_bps,
            mru: new.mru.into(),
            acfc: new.acfc,
            pfc: new.pfc,
        };
        self.bundle.join(now, &config).ok_or(NotJoined::Full)
    }

    /// Sends a packet through the bundle.
    pub fn send(
        &mut self,
        now: Instant,
        protocol: Protocol,
        information: &[u8],
        push: &mut Push<'_>,
    ) -> Result<(), Unsent> {
        let own = self.own;
        let number = protocol.0.to_be_bytes();
        self.bundle
            .send(now, &number, information, |id, head, data| {
                let path = if own == Some(id) {
                    Path::Line
                } else {
                    Path::Member(id.0)
                };
                push(path, head, data);
            })
    }
}

impl Ppp {
    /// The bundle, while it has members.
    pub fn bundle(&self) -> Option<&Bundle> {
        Some(&self.group.as_ref()?.bundle)
    }

    /// Whether this link negotiated multilink and is in its bundle.
    pub fn is_bundled(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.own.is_some())
    }

    /// The own line was brought into its network phase.
    pub(super) fn own_link_up(&mut self, now: Instant) {
        let Role::First(sharing) = self.config.role else {
            self.network_up(now, self.link.peer().mru);
            return;
        };
        let candidate = Candidate::of(&self.link, sharing.rate_bps);
        if candidate.mrru.is_none() && self.group.is_none() {
            // The peer has no multilink: an ordinary link.
            self.network_up(now, self.link.peer().mru);
            return;
        }
        match self.take_in(now, &sharing, &candidate) {
            Ok(id) => {
                if let Some(group) = &mut self.group {
                    group.own = Some(id);
                }
            }
            Err(_) => self.link.fail(now, wanbox_link::ppp::Cause::Local),
        }
    }

    /// Takes the link of another device into the bundle.
    ///
    /// # Errors
    /// Why it cannot be a member.
    pub fn join(&mut self, now: Instant, candidate: &Candidate) -> Result<MemberId, NotJoined> {
        let Role::First(sharing) = self.config.role else {
            return Err(NotJoined::NoBundle);
        };
        if self.up && self.group.is_none() {
            return Err(NotJoined::FirstWithoutMultilink);
        }
        let joined = self.take_in(now, &sharing, candidate);
        self.settle(now);
        joined
    }

    fn take_in(
        &mut self,
        now: Instant,
        sharing: &Sharing,
        candidate: &Candidate,
    ) -> Result<MemberId, NotJoined> {
        if self.group.is_none() {
            self.group = Some(Box::new(Group::new(sharing, candidate)?));
        }
        let Some(group) = &mut self.group else {
            return Err(NotJoined::NoBundle);
        };
        let joined = group.join(now, candidate);
        let (members, mrru) = (group.bundle.member_count(), group.mrru);
        if members == 0 {
            self.group = None;
        } else if members == 1 && joined.is_ok() {
            self.network_up(now, mrru);
        }
        joined
    }

    /// A member left.
    pub fn leave(&mut self, now: Instant, id: MemberId) {
        self.take_out(id);
        if self.group.is_none() {
            self.network_down(now, wanbox_link::ppp::Cause::Carrier);
        }
        self.settle(now);
    }

    /// Takes a member out, and the bundle with the last one.
    pub(super) fn take_out(&mut self, id: MemberId) {
        if let Some(group) = &mut self.group {
            group.bundle.leave(id);
            if group.own == Some(id) {
                group.own = None;
            }
            if group.bundle.member_count() == 0 {
                self.group = None;
            }
        }
    }

    /// A frame came in over the link of another device.
    pub fn receive_from<'f>(
        &mut self,
        now: Instant,
        id: MemberId,
        frame: &'f [u8],
    ) -> Option<Delivery<'f>> {
        self.now = now;
        match Frame::parse(frame) {
            Ok(frame) => self.receive_network(now, Some(id), frame.protocol, frame.information),
            Err(_) => {
                self.member_malformed += 1;
                None
            }
        }
    }

    /// Has a member take fragments or not: its line is full.
    pub fn set_ready(&mut self, id: MemberId, ready: bool) {
        if let Some(group) = &mut self.group {
            group.bundle.set_ready(id, ready);
        }
    }

    /// Has the own line take fragments or not; whether anything can be sent then.
    pub fn set_line_ready(&mut self, ready: bool) -> bool {
        let Some(group) = &mut self.group else {
            return ready;
        };
        if let Some(own) = group.own {
            group.bundle.set_ready(own, ready);
        }
        group.bundle.has_ready_member()
    }

    /// Sends the control packets of a bundle's network layers, as its data go: numbered with them,
    /// so never before them.
    pub fn transmit_bundled(&mut self, now: Instant, push: &mut Push<'_>) {
        let Some(group) = &mut self.group else {
            return;
        };
        let mut packet = Vec::new();
        while self.network.poll_transmit(&mut packet) {
            if let Some((number, information)) = packet.split_first_chunk() {
                let protocol = Protocol(u16::from_be_bytes(*number));
                // What no member takes now is sent again by its protocol.
                let _ = group.send(now, protocol, information, push);
            }
        }
    }

    /// The next packet that fragments made whole.
    pub(super) fn poll_bundle(&mut self, packet: &mut Vec<u8>) -> Option<PayloadKind> {
        let mut whole = std::mem::take(&mut self.whole);
        let mut found = None;
        while let Some(group) = &mut self.group
            && group.bundle.poll_packet(&mut whole)
        {
            if let Some(delivery) = self.receive_whole(self.now, &whole) {
                packet.clear();
                packet.extend_from_slice(delivery.payload);
                found = Some(delivery.kind);
                break;
            }
            if self.vj.poll_packet(packet) {
                found = Some(PayloadKind::Ipv4);
                break;
            }
        }
        self.whole = whole;
        found
    }

    /// A packet put together of fragments, from its Protocol field on.
    pub(super) fn receive_whole<'f>(
        &mut self,
        now: Instant,
        packet: &'f [u8],
    ) -> Option<Delivery<'f>> {
        match Frame::parse(packet) {
            Ok(frame) => self.receive_packet(now, frame.protocol, frame.information),
            Err(_) => {
                self.member_malformed += 1;
                None
            }
        }
    }
}
