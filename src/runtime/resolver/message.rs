//! Queries, and replies held against them.

use std::net::IpAddr;

use wanbox_wire::dns::{CLASS_IN, Data, Message, Question, Record, Writer, flag, kind};

use super::config::check_name;

/// How many aliases one reply may lead through.
const MAX_ALIASES: usize = 16;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

impl Kind {
    fn record_type(self) -> u16 {
        match self {
            Self::A => kind::A,
            Self::Aaaa => kind::AAAA,
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
    let question = Question {
        name: name.to_owned(),
        kind: kind.record_type(),
        class: CLASS_IN,
    };
    let mut query = Writer::new(id, flag::RECURSION_DESIRED);
    query.question(&question).then(|| query.finish())
}

/// Reads a message as the reply to a query.
///
/// It must have the query's identifier and repeat its one question. Records count only for
/// the name that was asked for and the aliases that lead on from it.
pub(super) fn read_reply(octets: &[u8], id: u16, name: &str, kind: Kind) -> Reply {
    // The identifier before all else, so that what was blindly forged costs little.
    let Some(message) = Message::parse(octets).ok().filter(|found| found.id() == id) else {
        return Reply::Foreign;
    };
    let Ok((questions, [answers, ..])) = message.read() else {
        return Reply::Foreign;
    };
    let [question] = questions.as_slice() else {
        return Reply::Foreign;
    };
    if !message.has(flag::RESPONSE)
        || message.opcode() != 0
        || (question.kind, question.class) != (kind.record_type(), CLASS_IN)
        || !same(&question.name, name)
    {
        return Reply::Foreign;
    }
    if message.has(flag::TRUNCATED) {
        return Reply::Truncated;
    }
    match message.rcode() {
        0 => addresses(&answers, name, kind),
        3 => Reply::NoName,
        code => Reply::Failed(why(code)),
    }
}

/// What a server says by a response code (RFC 1035 section 4.1.1).
fn why(code: u8) -> String {
    match code {
        1 => "format error".into(),
        2 => "server failure".into(),
        4 => "not implemented".into(),
        5 => "refused".into(),
        _ => format!("response code {code}"),
    }
}

/// Follows the aliases to the addresses.
fn addresses(answers: &[Record<'_>], asked: &str, kind: Kind) -> Reply {
    let mut name = asked;
    for step in 0..MAX_ALIASES {
        let of_name = answers
            .iter()
            .filter(|record| record.class == CLASS_IN && same(&record.name, name));
        let mut found: Vec<IpAddr> = Vec::new();
        let mut alias = None;
        for record in of_name {
            match (&record.data, record.kind) {
                (Data::Address(address), _) if kind == Kind::A => found.push((*address).into()),
                (Data::Other(octets), kind::AAAA) if kind == Kind::Aaaa => {
                    let octets = <[u8; 16]>::try_from(*octets);
                    found.extend(octets.map(IpAddr::from));
                }
                (Data::Name(target), kind::CNAME) => alias = Some(target),
                _ => {}
            }
        }
        if !found.is_empty() {
            return Reply::Addresses(found);
        }
        match alias {
            Some(target) => name = target,
            None if step == 0 => return Reply::NoData,
            None => {
                return match check_name(name) {
                    Ok(()) => Reply::Alias(name.to_owned()),
                    Err(why) => Reply::Failed(format!("it has an alias that is no name: {why}")),
                };
            }
        }
    }
    Reply::Failed("its aliases lead in a circle".into())
}

/// Names are the same whatever the case of their letters, and with or without a dot at their end.
fn same(a: &str, b: &str) -> bool {
    let plain = |name: &'_ str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    plain(a) == plain(b)
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
