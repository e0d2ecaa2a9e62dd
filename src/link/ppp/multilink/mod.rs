//! The Multilink Protocol (RFC 1990): packets over several links, as one.
//!
//! A [`Bundle`] cuts each packet into fragments for its members, in proportion to their bit rates
//! and to what already waits there, and puts the peer's fragments together again, in order, however
//! different the members' delays are. It owns neither lines nor LCP: its owner says which links
//! join and leave, and carries the frames.
//!
//! | part | what it holds |
//! |---|---|
//! | `send` | sharing a packet out, numbering the fragments |
//! | `receive` | reassembly, the rule for lost fragments, the bounds |

mod receive;
mod send;

use std::time::{Duration, Instant};

use wanbox_wire::ppp::multilink::Format;
use wanbox_wire::ppp::{FrameRepr, Protocol};

pub use receive::Shares;
pub use send::Unsent;

use crate::range::{OutOfRange, in_range};
use receive::Reassembly;
use send::Meter;

/// Members of one bundle at most.
pub const MAX_MEMBERS: usize = 16;

/// What a bundle is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The numbers of the fragments that we send: short when the peer asked for it.
    pub send_format: Format,
    /// The numbers of the fragments that we receive: short when we asked for it.
    pub receive_format: Format,
    /// The longest information field of a packet that we put together (our MRRU), octets: 64 to
    /// 65535.
    pub receive_limit: usize,
    /// The longest information field of a packet that the peer puts together (its MRRU), octets:
    /// 64 to 65535.
    pub send_limit: usize,
    /// A packet is cut into no fragments shorter than this, octets of it: 16 to 65535.
    pub min_fragment: usize,
    /// Fragments that may wait for others, and how far sequence numbers may be apart: 2 to 1024.
    pub max_fragments: usize,
    /// Octets of fragments that may wait for others: the MRRU to 16 MiB.
    pub max_octets: usize,
    /// How long a fragment waits for one that should have come before it: 1 ms to 60 s.
    pub patience: Duration,
}

impl Default for Config {
    /// Long numbers, packets of 1500 octets, 256 fragments and 256 KiB that wait for 1 s.
    fn default() -> Self {
        Self {
            send_format: Format::Long,
            receive_format: Format::Long,
            receive_limit: 1500,
            send_limit: 1500,
            min_fragment: 128,
            max_fragments: 256,
            max_octets: 256 * 1024,
            patience: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let octets = |what, value: usize, allowed| in_range(what, value as u64, allowed);
        octets(
            "multilink: our MRRU (octets)",
            self.receive_limit,
            64..=65_535,
        )?;
        octets(
            "multilink: the peer's MRRU (octets)",
            self.send_limit,
            64..=65_535,
        )?;
        octets(
            "multilink: shortest fragment (octets)",
            self.min_fragment,
            16..=65_535,
        )?;
        in_range(
            "multilink: waiting fragments",
            self.max_fragments as u64,
            2..=1024,
        )?;
        octets(
            "multilink: waiting octets",
            self.max_octets,
            self.receive_limit as u64..=16 << 20,
        )?;
        let patience = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
        in_range("multilink: patience (ms)", patience, 1..=60_000)
    }
}

/// A member of a bundle; numbers of members that left are given again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u8);

/// What a member link is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    /// Its bit rate, bit/s; 0: not known, taken as [`Self::UNKNOWN_RATE`].
    pub rate_bps: u64,
    /// The longest information field that the peer takes on it (its MRU), octets: at least 64 is
    /// assumed.
    pub mru: usize,
    /// Leave address and control out.
    pub acfc: bool,
    /// Write the protocol as one octet.
    pub pfc: bool,
}

impl MemberConfig {
    /// What a rate that is not known counts as, bit/s.
    pub const UNKNOWN_RATE: u64 = 100_000_000;
}

/// What went over a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberStats {
    /// Fragments sent.
    pub tx_fragments: u64,
    /// Octets of packets in them.
    pub tx_octets: u64,
    /// Fragments received.
    pub rx_fragments: u64,
    /// Octets of packets in them.
    pub rx_octets: u64,
}

/// One link of a bundle.
#[derive(Clone, Debug)]
struct Member {
    mru: usize,
    link_header: FrameRepr,
    meter: Meter,
    /// Takes fragments now.
    ready: bool,
    /// The sequence number last seen on it: nothing before it comes any more (section 4.1).
    /// At least the one before those that are waited for.
    last_seen: u32,
    /// The highest number that came over it, however long ago.
    highest: u32,
    stats: MemberStats,
}

/// What became of packets and fragments.
///
/// Of the fragments received: `rx_fragments` = those of `rx_packets`, `rx_null` and `rx_too_long`
/// + `duplicates` + `late` + `orphans` + `discarded` + those that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets sent.
    pub tx_packets: u64,
    /// Fragments they were cut into.
    pub tx_fragments: u64,
    /// Packets refused: no member was there.
    pub tx_no_member: u64,
    /// Packets refused: longer than the peer's MRRU.
    pub tx_too_long: u64,
    /// Fragments received whose header was whole.
    pub rx_fragments: u64,
    /// Packets put together and given out.
    pub rx_packets: u64,
    /// Frames too short for a fragment's header, or from no member.
    pub rx_malformed: u64,
    /// Packets without an octet: a sender fills gaps with them (section 4.1).
    pub rx_null: u64,
    /// Packets longer than our MRRU.
    pub rx_too_long: u64,
    /// Fragments that were there already.
    pub duplicates: u64,
    /// Fragments that came after they had been given up.
    pub late: u64,
    /// Fragments whose packet has no beginning.
    pub orphans: u64,
    /// Fragments of packets that lack others or their end.
    pub discarded: u64,
    /// Fragments that were lost: every member has sent later ones.
    pub lost: u64,
    /// Times that waiting for a fragment was given up for its time alone.
    pub timeouts: u64,
    /// Times that packets were given up because too much waited.
    pub overflows: u64,
    /// Times that the peer began to number anew.
    pub restarts: u64,
}

impl Stats {
    /// How many counters [`Self::named`] gives.
    pub const NAMED: usize = 12;

    /// The packets, and what went wrong, by name.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); Self::NAMED] {
        [
            ("multilink_packets_out", self.tx_packets),
            ("multilink_packets_in", self.rx_packets),
            ("multilink_malformed", self.rx_malformed),
            ("multilink_too_long", self.rx_too_long),
            ("multilink_duplicates", self.duplicates),
            ("multilink_late", self.late),
            ("multilink_orphans", self.orphans),
            ("multilink_discarded", self.discarded),
            ("multilink_lost", self.lost),
            ("multilink_timeouts", self.timeouts),
            ("multilink_overflows", self.overflows),
            ("multilink_restarts", self.restarts),
        ]
    }
}

/// Several links as one.
#[derive(Debug)]
pub struct Bundle {
    config: Config,
    members: Vec<Option<Member>>,
    /// The number of the next fragment to send.
    send_sequence: u32,
    /// Counts packets, so that of equal members the one that rested longest is used.
    turn: u64,
    reassembly: Reassembly,
    /// Of the packet that was given out last.
    shares: Shares,
    stats: Stats,
}

impl Bundle {
    /// A bundle without members.
    ///
    /// # Errors
    /// The first value of `config` that is out of its range.
    pub fn new(config: Config) -> Result<Self, OutOfRange> {
        config.check()?;
        Ok(Self {
            config,
            members: Vec::new(),
            send_sequence: 0,
            turn: 0,
            reassembly: Reassembly::default(),
            shares: Shares::default(),
            stats: Stats::default(),
        })
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How many links are in it.
    #[must_use]
    pub fn member_count(&self) -> usize {
        self.members.iter().flatten().count()
    }

    /// The counters of a member.
    #[must_use]
    pub fn member_stats(&self, id: MemberId) -> Option<&MemberStats> {
        Some(&self.member(id)?.stats)
    }

    /// Fragments that wait for others, and their octets.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        self.reassembly.waiting()
    }

    /// Takes a link in; `None` when there are [`MAX_MEMBERS`] already.
    pub fn join(&mut self, now: Instant, config: &MemberConfig) -> Option<MemberId> {
        let place = self.members.iter().position(Option::is_none);
        let place = place.unwrap_or(self.members.len());
        if place >= MAX_MEMBERS {
            return None;
        }
        let format = self.config.receive_format;
        // Whatever is missing may still come on it.
        let before = format.advance(self.reassembly.next_sequence(), format.mask());
        let member = Member {
            mru: config.mru.max(64),
            link_header: FrameRepr {
                protocol: Protocol::MULTILINK,
                acfc: config.acfc,
                pfc: config.pfc,
            },
            meter: Meter::new(now, config.rate_bps),
            ready: true,
            last_seen: before,
            highest: before,
            stats: MemberStats::default(),
        };
        match self.members.get_mut(place) {
            Some(slot) => *slot = Some(member),
            None => self.members.push(Some(member)),
        }
        Some(MemberId(place as u8))
    }

    /// Takes a link out. What waited for fragments of it is given up as far as the others have
    /// passed them; without any member left, both directions start anew.
    pub fn leave(&mut self, id: MemberId) {
        if let Some(slot) = self.members.get_mut(usize::from(id.0)) {
            *slot = None;
        }
        if self.member_count() == 0 {
            self.send_sequence = 0;
            self.reassembly.reset(&mut self.stats);
        } else {
            self.settle();
        }
    }

    /// Has a member take fragments or not: its line is full.
    pub fn set_ready(&mut self, id: MemberId, ready: bool) {
        if let Some(member) = self.member_mut(id) {
            member.ready = ready;
        }
    }

    fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.get(usize::from(id.0))?.as_ref()
    }

    fn member_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.get_mut(usize::from(id.0))?.as_mut()
    }
}

/// A bundle of two or three members fed with any octets: nothing panics, the bounds hold, and the
/// counters account for every fragment. For fuzzing and replayed tests.
pub fn fuzz_bundle(start: Instant, input: &[u8]) {
    let Some((&kind, mut input)) = input.split_first() else {
        return;
    };
    let format = if kind & 1 == 0 {
        Format::Long
    } else {
        Format::Short
    };
    let config = Config {
        receive_format: format,
        receive_limit: 200,
        max_fragments: 2 + usize::from(kind >> 2),
        max_octets: 400,
        ..Config::default()
    };
    let Ok(mut bundle) = Bundle::new(config) else {
        unreachable!("every value is in its range");
    };
    let link = MemberConfig {
        rate_bps: 64_000,
        mru: 1500,
        acfc: false,
        pfc: false,
    };
    let mut now = start;
    let mut ids = [bundle.join(now, &link); 3];
    ids[1] = bundle.join(now, &link);
    let mut packet = Vec::new();
    // A step: what to do and on which member; the length of the fragment; the fragment.
    while let [step, len, rest @ ..] = input {
        let id = ids
            .get(usize::from(step >> 2 & 3))
            .copied()
            .flatten()
            .unwrap_or(MemberId(7));
        match step & 3 {
            0 => now += Duration::from_millis(u64::from(*len) * 10),
            1 if step & 0x10 != 0 => bundle.leave(id),
            1 => ids[2] = bundle.join(now, &link),
            _ => {}
        }
        bundle.handle_timeout(now);
        let (fragment, behind) = rest
            .split_at_checked(usize::from(*len))
            .unwrap_or((rest, &[]));
        input = behind;
        if let Some(whole) = bundle.receive(now, id, fragment) {
            assert!(whole.len() <= config.receive_limit + 2);
        }
        while bundle.poll_packet(&mut packet) {
            assert!(packet.len() <= config.receive_limit + 2);
            let shares: usize = bundle
                .shares()
                .iter()
                .map(|(_, octets)| octets as usize)
                .sum();
            assert_eq!(shares, packet.len());
        }
        let (fragments, octets) = bundle.waiting();
        assert!(fragments <= config.max_fragments);
        assert!(octets <= config.max_octets);
        if let Some(at) = bundle.poll_timeout() {
            assert!(at <= now + config.patience);
        }
    }
}

#[cfg(test)]
mod tests;
