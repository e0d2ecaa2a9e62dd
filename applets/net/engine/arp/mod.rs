//! Which link address an IP address has (RFC 826, RFC 903): learned, asked for, typed, published.
//!
//! | to change | open |
//! |---|---|
//! | the table, requests and replies | this file |
//! | the state file | `file.rs` |

pub mod file;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_wire::arp::{LinkRepr, Operation, Packet};

use crate::interface::{Hardware, LinkAddress};

/// How long an answer is waited for.
const PENDING: Duration = Duration::from_secs(10);
/// How long a learned address holds, seconds.
const LEARNED: u64 = 2_147_483;
/// The most entries: what strangers can make the table hold.
const MOST_ENTRIES: usize = 8192;
/// The longest datagram that waits for an answer, octets; longer ones are not kept.
const LONGEST_HELD: usize = 4096;

/// What is known about an address.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The link address; `None` while it is asked for.
    pub link: Option<LinkAddress>,
    /// Requests for it are answered.
    pub published: bool,
    expires: Option<Instant>,
    /// The time of its live entry in the heap of timers.
    queued: Option<Instant>,
    born: u64,
    /// The datagram that waits for the answer.
    held: Option<Vec<u8>>,
}

impl Entry {
    /// It has no timer.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.expires.is_none()
    }

    /// Seconds left, 0 when permanent.
    #[must_use]
    pub fn seconds_left(&self, now: Instant) -> u64 {
        self.expires
            .map_or(0, |at| at.saturating_duration_since(now).as_secs())
    }

    /// Datagrams that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.held.iter().count()
    }
}

/// What came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArpStats {
    /// Packets received.
    pub received: u64,
    /// Of a kind of link or protocol that is not known here.
    pub bad_type: u64,
    /// Cut, or with addresses of a wrong length.
    pub bad_len: u64,
    /// With addresses that nobody can have.
    pub bad_addr: u64,
    /// Requests received.
    pub requests_in: u64,
    /// Replies received.
    pub replies: u64,
    /// Requests sent.
    pub requests_out: u64,
    /// Answers given.
    pub answers: u64,
    /// Not learned because the table is full.
    pub table_full: u64,
    /// Datagrams dropped because one waits already.
    pub backlog: u64,
    /// Datagrams dropped because nobody answered.
    pub unanswered: u64,
}

/// What to do with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Send it there.
    To(LinkAddress),
    /// It waits; send a request.
    Ask,
    /// One waits already: tell its sender to be slower.
    Backlog,
    /// Nobody can be asked.
    Nobody,
}

/// An answer, and the datagram that waited for what was learned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The answer is in the buffer given; it goes to this link address.
    pub answer: Option<LinkAddress>,
    /// A datagram, and the link address it goes to.
    pub released: Option<(Vec<u8>, LinkAddress)>,
}

/// Who we are on the interface that a packet came from.
#[derive(Clone, Copy, Debug)]
pub struct Us {
    /// The kind of link.
    pub hardware: Hardware,
    /// Our link address.
    pub link: LinkAddress,
    /// Our IP address there.
    pub address: Ipv4Addr,
}

type Key = (Hardware, Ipv4Addr);

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Arp {
    entries: HashMap<Key, Entry>,
    timers: BinaryHeap<Reverse<(Instant, Key, u64)>>,
    born: u64,
    /// What came and went.
    pub stats: ArpStats,
}

impl Arp {
    /// The link address of an IP address, for a datagram that waits here when nobody knows it yet.
    pub fn resolve(
        &mut self,
        now: Instant,
        hardware: Hardware,
        address: Ipv4Addr,
        datagram: &[u8],
    ) -> Resolved {
        if let Some(entry) = self.entries.get_mut(&(hardware, address)) {
            if let Some(link) = entry.link {
                return Resolved::To(link);
            }
            if entry.held.is_some() || datagram.len() > LONGEST_HELD {
                self.stats.backlog += 1;
                return Resolved::Backlog;
            }
            entry.held = Some(datagram.to_vec());
            return Resolved::Ask;
        }
        // Nodes of NET/ROM are never asked.
        if hardware == Hardware::NetRom || !self.make_room() {
            return Resolved::Nobody;
        }
        let held = (datagram.len() <= LONGEST_HELD).then(|| datagram.to_vec());
        self.put(hardware, address, None, false, Some(now + PENDING), held);
        Resolved::Ask
    }

    /// Writes a request over `packet`.
    pub fn request(&mut self, us: &Us, address: Ipv4Addr, packet: &mut Vec<u8>) {
        self.stats.requests_out += 1;
        LinkRepr {
            hardware_type: us.hardware as u16,
            protocol_type: us.hardware.protocol(),
            operation: Operation::Request,
            sender_hardware: us.link.octets(),
            sender: us.address,
            target_hardware: &[],
            target: address,
        }
        .emit(packet);
    }

    /// A packet came in on a link where we are `us`. An answer is written over `answer`. `is_own` says
    /// which addresses are ours on the interface.
    pub fn receive(
        &mut self,
        now: Instant,
        us: &Us,
        is_own: &dyn Fn(Ipv4Addr) -> bool,
        octets: &[u8],
        answer: &mut Vec<u8>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        self.stats.received += 1;
        let Ok(packet) = Packet::new_checked(octets) else {
            self.stats.bad_len += 1;
            return outcome;
        };
        let hardware = us.hardware;
        if packet.hardware_type() != hardware as u16
            || packet.protocol_type() != hardware.protocol()
        {
            self.stats.bad_type += 1;
            return outcome;
        }
        let sender = LinkAddress::new(packet.sender_hardware());
        let (Ok(repr), Some(sender)) = (LinkRepr::parse(&packet), sender) else {
            self.stats.bad_len += 1;
            return outcome;
        };
        if packet.sender_hardware().len() != hardware.address_len() {
            self.stats.bad_len += 1;
            return outcome;
        }
        let sender = sender.plain();
        let reverse = matches!(
            repr.operation,
            Operation::ReverseRequest | Operation::ReverseReply
        );
        let nobody = |address: Ipv4Addr| {
            address.is_unspecified() || address.is_multicast() || address.is_broadcast()
        };
        let bad = !reverse && (nobody(repr.sender) || nobody(repr.target));
        // Who says to have our address, or everybody's link address, is not believed.
        if bad || sender == hardware.broadcast() || is_own(repr.sender) && !reverse {
            self.stats.bad_addr += 1;
            return outcome;
        }
        match repr.operation {
            Operation::ReverseRequest => {
                self.stats.requests_in += 1;
                self.answer_reverse(us, &repr, answer, &mut outcome);
                return outcome;
            }
            Operation::Request => self.stats.requests_in += 1,
            Operation::Reply => self.stats.replies += 1,
            _ => {}
        }
        let for_us = is_own(repr.target);
        let known = self.entries.get(&(hardware, repr.sender));
        if known.is_some_and(|entry| !entry.is_permanent()) || known.is_none() && for_us {
            outcome.released = self.learn(now, hardware, repr.sender, sender);
        }
        if repr.operation == Operation::Request {
            let published = self.entries.get(&(hardware, repr.target));
            let published = published.filter(|entry| entry.published);
            let link = match published.and_then(|entry| entry.link) {
                _ if for_us => Some(us.link),
                link => link,
            };
            if let Some(link) = link {
                self.stats.answers += 1;
                outcome.answer = Some(sender);
                self.reply(
                    us,
                    Operation::Reply,
                    (link, repr.target),
                    (sender, repr.sender),
                    answer,
                );
            }
        }
        outcome
    }

    fn answer_reverse(
        &mut self,
        us: &Us,
        repr: &LinkRepr<'_>,
        answer: &mut Vec<u8>,
        outcome: &mut Outcome,
    ) {
        let wanted = LinkAddress::new(repr.target_hardware).map(LinkAddress::plain);
        let asker = LinkAddress::new(repr.sender_hardware).map(LinkAddress::plain);
        let found = self.entries.iter().find(|((hardware, _), entry)| {
            *hardware == us.hardware
                && entry.published
                && entry.link.map(LinkAddress::plain) == wanted
        });
        let (Some(((_, address), _)), Some(wanted), Some(asker)) = (found, wanted, asker) else {
            return;
        };
        let address = *address;
        self.stats.answers += 1;
        outcome.answer = Some(asker);
        self.reply(
            us,
            Operation::ReverseReply,
            (us.link, us.address),
            (wanted, address),
            answer,
        );
    }

    fn reply(
        &self,
        us: &Us,
        operation: Operation,
        sender: (LinkAddress, Ipv4Addr),
        target: (LinkAddress, Ipv4Addr),
        packet: &mut Vec<u8>,
    ) {
        LinkRepr {
            hardware_type: us.hardware as u16,
            protocol_type: us.hardware.protocol(),
            operation,
            sender_hardware: sender.0.octets(),
            sender: sender.1,
            target_hardware: target.0.octets(),
            target: target.1,
        }
        .emit(packet);
        // As the original: the end of the address field is marked in the address that is given back.
        if us.hardware == Hardware::Ax25
            && let Some(last) = packet.get_mut(25)
        {
            *last |= 1;
        }
    }

    /// Takes down that an address was heard from a link address; what waited for it. Permanent entries stay.
    pub fn learn(
        &mut self,
        now: Instant,
        hardware: Hardware,
        address: Ipv4Addr,
        link: LinkAddress,
    ) -> Option<(Vec<u8>, LinkAddress)> {
        let expires = now + Duration::from_secs(LEARNED);
        match self.entries.get_mut(&(hardware, address)) {
            Some(entry) if entry.is_permanent() => None,
            Some(entry) => {
                entry.link = Some(link);
                entry.expires = Some(expires);
                Some((entry.held.take()?, link))
            }
            None => {
                if self.make_room() {
                    self.put(hardware, address, Some(link), false, Some(expires), None);
                }
                None
            }
        }
    }

    /// A permanent entry in place of any other; `published`: requests for it are answered. What waited for it.
    pub fn add(
        &mut self,
        hardware: Hardware,
        address: Ipv4Addr,
        link: LinkAddress,
        published: bool,
    ) -> Option<(Vec<u8>, LinkAddress)> {
        let before = self.entries.remove(&(hardware, address));
        self.put(hardware, address, Some(link), published, None, None);
        Some((before?.held?, link))
    }

    /// Removes an entry. `false`: there is none.
    pub fn drop(&mut self, hardware: Hardware, address: Ipv4Addr) -> bool {
        self.entries.remove(&(hardware, address)).is_some()
    }

    /// Removes all entries with a timer.
    pub fn flush(&mut self) {
        self.entries.retain(|_, entry| entry.is_permanent());
        self.timers.clear();
    }

    /// The entry of an address.
    #[must_use]
    pub fn get(&self, hardware: Hardware, address: Ipv4Addr) -> Option<&Entry> {
        self.entries.get(&(hardware, address))
    }

    /// An address that somebody has typed for a link address.
    #[must_use]
    pub fn address_of(&self, hardware: Hardware, link: LinkAddress) -> Option<Ipv4Addr> {
        let typed = self.entries.iter().find(|((of, _), entry)| {
            *of == hardware && entry.is_permanent() && entry.link == Some(link)
        });
        typed.map(|((_, address), _)| *address)
    }

    /// All entries, by kind of link and address.
    #[must_use]
    pub fn listed(&self) -> Vec<(Hardware, Ipv4Addr, &Entry)> {
        let mut all: Vec<_> = self
            .entries
            .iter()
            .map(|((hardware, address), entry)| (*hardware, *address, entry))
            .collect();
        all.sort_by_key(|(hardware, address, _)| (*hardware, *address));
        all
    }

    fn make_room(&mut self) -> bool {
        let room = self.entries.len() < MOST_ENTRIES;
        self.stats.table_full += u64::from(!room);
        room
    }

    fn put(
        &mut self,
        hardware: Hardware,
        address: Ipv4Addr,
        link: Option<LinkAddress>,
        published: bool,
        expires: Option<Instant>,
        held: Option<Vec<u8>>,
    ) {
        self.born += 1;
        let entry = Entry {
            link,
            published,
            expires,
            queued: expires,
            born: self.born,
            held,
        };
        self.entries.insert((hardware, address), entry);
        if let Some(expires) = expires {
            self.timers
                .push(Reverse((expires, (hardware, address), self.born)));
        }
        // What gone entries leave behind must not outgrow the table.
        if self.timers.len() > 2 * self.entries.len() + 64 {
            self.timers.clear();
            for (key, entry) in &mut self.entries {
                entry.queued = entry.expires;
                if let Some(expires) = entry.expires {
                    self.timers.push(Reverse((expires, *key, entry.born)));
                }
            }
        }
    }

    /// Lets what is due go. Datagrams that waited in vain are written to `lost`.
    pub fn handle_timeout(&mut self, now: Instant, lost: &mut Vec<Vec<u8>>) {
        while let Some(&Reverse((due, key, born))) = self.timers.peek() {
            if due > now {
                break;
            }
            self.timers.pop();
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            if entry.born != born || entry.queued != Some(due) {
                continue;
            }
            match entry.expires {
                Some(expires) if expires > now => {
                    entry.queued = Some(expires);
                    self.timers.push(Reverse((expires, key, born)));
                }
                _ => {
                    let gone = self.entries.remove(&key);
                    if let Some(held) = gone.and_then(|entry| entry.held) {
                        self.stats.unanswered += 1;
                        lost.push(held);
                    }
                }
            }
        }
    }

    /// When to call [`Arp::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((due, ..))| *due)
    }
}
