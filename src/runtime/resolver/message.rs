//! Queries, and replies held against them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use super::config::check_name;

/// How many aliases one reply may lead through.
const MAX_ALIASES: usize = 16;
/// The length of a message header (RFC 1035 section 4.1.1), octets.
const HEADER_LEN: usize = 12;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

impl Kind {
    fn record_type(self) -> TYPE {
        match self {
            Self::A => TYPE::A,
            Self::Aaaa => TYPE::AAAA,
        }
    }
}

/// What a reply says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Not a reply to this query, or not a DNS message: go on waiting for the right one.
    Foreign,
    /// It did not fit: ask again over TCP.
    Truncated,
    /// The addresses.
    Addresses(Vec<IpAddr>),
    /// Another name, for which the reply has no addresses.
    Alias(String),
    /// The name has no addresses of this kind.
    NoData,
    /// There is no such name.
    NoName,
    /// The server could or would not answer, and why.
    Failed(String),
}

/// The octets of a query.
pub(super) fn query(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(
        Name::new(name).ok()?,
        QTYPE::TYPE(kind.record_type()),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    packet.build_bytes_vec().ok()
}

/// Reads a message as the reply to a query.
///
/// It must have the query's identifier and repeat its one question. Records count only for
/// the name that was asked for and the aliases that lead on from it.
pub(super) fn read_reply(octets: &[u8], id: u16, name: &str, kind: Kind) -> Reply {
    if !has_plausible_counts(octets) {
        return Reply::Foreign;
    }
    // The identifier before all else, so that what was blindly forged costs little.
    if octets.first_chunk::<2>().map(|id| u16::from_be_bytes(*id)) != Some(id) {
        return Reply::Foreign;
    }
    let Ok(packet) = Packet::parse(octets) else {
        return Reply::Foreign;
    };
    let Ok(asked) = Name::new(name) else {
        return Reply::Foreign;
    };
    let [question] = packet.questions.as_slice() else {
        return Reply::Foreign;
    };
    if !packet.has_flags(PacketFlag::RESPONSE)
        || packet.opcode() != OPCODE::StandardQuery
        || question.qtype != QTYPE::TYPE(kind.record_type())
        || question.qclass != QCLASS::CLASS(CLASS::IN)
        || !same(&question.qname, &asked)
    {
        return Reply::Foreign;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Reply::Truncated;
    }
    match packet.rcode() {
        RCODE::NoError => addresses(&packet, asked, kind),
        RCODE::NameError => Reply::NoName,
        other => Reply::Failed(format!("{other:?}")),
    }
}

/// Follows the aliases to the addresses.
fn addresses(packet: &Packet<'_>, asked: Name<'_>, kind: Kind) -> Reply {
    let mut name = &asked;
    for _ in 0..MAX_ALIASES {
        let of_name = packet
            .answers
            .iter()
            .filter(|record| record.class == CLASS::IN && same(&record.name, name));
        let mut found = Vec::new();
        let mut alias = None;
        for record in of_name {
            match (&record.rdata, kind) {
                (RData::A(a), Kind::A) => found.push(Ipv4Addr::from(a.address).into()),
                (RData::AAAA(aaaa), Kind::Aaaa) => {
                    found.push(Ipv6Addr::from(aaaa.address).into());
                }
                (RData::CNAME(target), _) => alias = Some(&target.0),
                _ => {}
            }
        }
        if !found.is_empty() {
            return Reply::Addresses(found);
        }
        match alias {
            Some(target) => name = target,
            None if std::ptr::eq(name, &asked) => return Reply::NoData,
            None => {
                let target = name.to_string();
                return match check_name(&target) {
                    Ok(()) => Reply::Alias(target),
                    Err(why) => Reply::Failed(format!("it has an alias that is no name: {why}")),
                };
            }
        }
    }
    Reply::Failed("its aliases lead in a circle".into())
}

/// Names are the same whatever the case of their letters.
fn same(a: &Name<'_>, b: &Name<'_>) -> bool {
    let (a, b) = (a.get_labels(), b.get_labels());
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.as_ref().eq_ignore_ascii_case(b.as_ref()))
}

/// Whether a message is long enough for the numbers of records in its header: the parser
/// makes room for that many before it looks.
fn has_plausible_counts(octets: &[u8]) -> bool {
    /// A question is at least a root name, a type and a class.
    const QUESTION_LEN: usize = 5;
    /// A record has a time to live and a length besides.
    const RECORD_LEN: usize = 11;
    let Some((header, body)) = octets.split_first_chunk::<HEADER_LEN>() else {
        return false;
    };
    let [.., a, b, c, d, e, f, g, h] = *header;
    let count = |high, low| usize::from(u16::from_be_bytes([high, low]));
    let records = count(c, d) + count(e, f) + count(g, h);
    count(a, b) * QUESTION_LEN + records * RECORD_LEN <= body.len()
}

/// Fuzz entry: no octets make the reader panic, and only the right question is answered.
pub fn fuzz_reply(octets: &[u8]) {
    let id = octets
        .first_chunk::<2>()
        .map_or(0, |id| u16::from_be_bytes(*id));
    for kind in [Kind::A, Kind::Aaaa] {
        if let Reply::Addresses(addresses) = read_reply(octets, id, "a.example", kind) {
            assert!(!addresses.is_empty());
            assert!(addresses.iter().all(|a| a.is_ipv4() == (kind == Kind::A)));
            assert_eq!(
                read_reply(octets, id.wrapping_add(1), "a.example", kind),
                Reply::Foreign
            );
            assert_eq!(read_reply(octets, id, "b.example", kind), Reply::Foreign);
        }
    }
}
