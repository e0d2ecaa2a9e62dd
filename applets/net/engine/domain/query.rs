//! Questions to servers: each from a port of its own with an identifier of its own (RFC 5452), sent again, to the
//! next server, until one answers.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_wire::dns::{CLASS_IN, Data, Message, Question, Record, Writer, flag, kind};

use super::cache::{Key, Value};
use super::{Answer, Lookup, QueryId};
use crate::station::{Event, Sink, Station};
use crate::udp::{Owner, SocketId};

/// The port of servers.
const PORT: u16 = 53;
/// How long the first answer is waited for; the time doubles with every round of servers.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// How often each server is asked.
const ROUNDS: u32 = 3;
/// The most questions under way.
const MOST: usize = 256;
/// How many aliases may lead from one to the next.
const MOST_ALIASES: u8 = 8;
/// The longest that something is remembered, seconds.
const LONGEST_TTL: u32 = 86_400;
/// The shortest: what is shown is asked for often.
const SHORTEST_TTL: u32 = 10;
/// How long it is remembered that there is no answer, seconds.
const NOTHING_TTL: u32 = 300;
/// The same when no server could say (RFC 2308 section 7): who asks again at once would wait as long again.
const FAILED_TTL: u32 = 30;

/// A look-up under way.
#[derive(Clone, Debug)]
pub struct Query {
    id: QueryId,
    /// What is still to be tried, the present one first.
    keys: Vec<Key>,
    /// Those about which no server could say anything.
    failed: Vec<Key>,
    /// The name that is asked for: the present key's, or one that an alias led to.
    asked: Question,
    aliases: u8,
    /// The least time of the aliases so far, seconds.
    ttl: u32,
    number: u16,
    socket: SocketId,
    server: usize,
    tries: u32,
    due: Instant,
}

impl Query {
    pub fn due(&self) -> Instant {
        self.due
    }
}

fn question(key: &Key) -> Question {
    let (name, kind) = match key {
        Key::Name(name) => (name.clone(), kind::A),
        Key::Address(address) => {
            let [a, b, c, d] = address.octets();
            (format!("{d}.{c}.{b}.{a}.in-addr.arpa"), kind::PTR)
        }
    };
    Question {
        name,
        kind,
        class: CLASS_IN,
    }
}

/// What an answer says to a question.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Value(Value, u32),
    /// The name that is to be asked for.
    Alias(String, u32),
    Nothing,
}

/// Follows the aliases of a message from the name that was asked for. Other records are not believed.
fn follow(asked: &Question, answers: &[Record<'_>], aliases: &mut u8) -> Found {
    let (mut name, mut ttl) = (asked.name.clone(), u32::MAX);
    loop {
        let of = |wanted: u16| {
            answers.iter().find(|record| {
                record.name == name && record.kind == wanted && record.class == CLASS_IN
            })
        };
        if let Some(record) = of(asked.kind) {
            let ttl = ttl.min(record.ttl);
            return match &record.data {
                Data::Address(address) => Found::Value(Value::Address(*address), ttl),
                Data::Name(name) => Found::Value(Value::Name(name.clone()), ttl),
                Data::Other(_) => Found::Nothing,
            };
        }
        let Some(Record {
            data: Data::Name(target),
            ttl: alias_ttl,
            ..
        }) = of(kind::CNAME)
        else {
            break;
        };
        *aliases += 1;
        if *aliases > MOST_ALIASES {
            return Found::Nothing;
        }
        ttl = ttl.min(*alias_ttl);
        name.clone_from(target);
    }
    if name == asked.name {
        Found::Nothing
    } else {
        Found::Alias(name, ttl)
    }
}

impl Station {
    /// Asks servers for the first of these that they know.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        keys: Vec<Key>,
        sink: &mut dyn Sink,
    ) -> Lookup<Ipv4Addr> {
        let Some(first) = keys.first().filter(|_| !self.resolver.servers.is_empty()) else {
            return Lookup::Unknown;
        };
        let asked = question(first);
        if self.resolver.queries.len() >= MOST {
            self.resolver.stats.too_many += 1;
            return Lookup::Unknown;
        }
        let Ok(socket) = self.udp_bind(Ipv4Addr::UNSPECIFIED, 0, Owner::Resolver) else {
            self.resolver.stats.too_many += 1;
            return Lookup::Unknown;
        };
        self.resolver.next_id += 1;
        let id = QueryId(self.resolver.next_id);
        let number = self.random() as u16;
        let at = self.resolver.queries.insert(Query {
            id,
            keys,
            failed: Vec::new(),
            asked,
            aliases: 0,
            ttl: u32::MAX,
            number,
            socket,
            server: 0,
            tries: 0,
            due: now,
        });
        self.send_query(now, at, sink);
        Lookup::Asked(id)
    }

    /// Sends a question to the server whose turn it is.
    fn send_query(&mut self, now: Instant, at: usize, sink: &mut dyn Sink) {
        let servers = self.resolver.servers.len().max(1);
        let Some(query) = self.resolver.queries.get_mut(at) else {
            return;
        };
        let round = query.tries / servers as u32;
        query.due = now + FIRST_WAIT * (1 << round.min(4));
        query.tries += 1;
        let mut writer = Writer::new(query.number, flag::RECURSION_DESIRED);
        let written = writer.question(&query.asked);
        let (socket, server) = (query.socket, query.server % servers);
        let server = self.resolver.servers.get(server).copied();
        let Some(server) = server.filter(|_| written) else {
            // A name that no server can be asked for: the next is tried at once.
            self.next_key(now, at, Answer::Unknown, sink);
            return;
        };
        let octets = writer.finish();
        self.resolver.stats.sent += 1;
        if self.resolver.trace {
            self.tell(Event::Domain(super::trace::message(true, &octets)));
        }
        // A question is never too long for a datagram.
        let _ = self.udp_send(now, socket, (server, PORT), &octets, sink);
    }

    /// Asks again what nobody answered in time.
    pub(super) fn queries_due(&mut self, now: Instant, sink: &mut dyn Sink) {
        let due: Vec<usize> = self
            .resolver
            .queries
            .iter()
            .filter(|(_, query)| query.due <= now)
            .map(|(at, _)| at)
            .collect();
        for at in due {
            self.resolver.stats.timeouts += 1;
            self.next_server(now, at, sink);
        }
    }

    /// A host says that it has no server: the next one is asked at once.
    pub(crate) fn resolver_refused(
        &mut self,
        now: Instant,
        port: u16,
        to: (Ipv4Addr, u16),
        sink: &mut dyn Sink,
    ) {
        let servers = &self.resolver.servers;
        let mut queries = self.resolver.queries.iter();
        let refused = queries.find(|(_, query)| {
            let server = servers.get(query.server % servers.len().max(1));
            server == Some(&to.0) && to.1 == PORT && self.udp.port(query.socket) == Some(port)
        });
        if let Some((at, _)) = refused {
            self.resolver.stats.refused += 1;
            self.next_server(now, at, sink);
        }
    }

    fn next_server(&mut self, now: Instant, at: usize, sink: &mut dyn Sink) {
        let most = self.resolver.servers.len() as u32 * ROUNDS;
        let Some(query) = self.resolver.queries.get_mut(at) else {
            return;
        };
        query.server += 1;
        if query.tries >= most {
            self.next_key(now, at, Answer::Failed, sink);
        } else {
            self.send_query(now, at, sink);
        }
    }

    /// Goes on with the next form of the name, or ends with this answer.
    fn next_key(&mut self, now: Instant, at: usize, answer: Answer, sink: &mut dyn Sink) {
        let number = self.random() as u16;
        let Some(query) = self.resolver.queries.get_mut(at) else {
            return;
        };
        let tried = query.keys.remove(0);
        if answer == Answer::Failed {
            query.failed.push(tried);
        } else {
            self.remember(now, tried, Value::Nothing, NOTHING_TTL);
        }
        let Some(query) = self.resolver.queries.get_mut(at) else {
            return;
        };
        match query.keys.first() {
            Some(key) => {
                query.asked = question(key);
                (query.number, query.tries, query.aliases, query.ttl) = (number, 0, 0, u32::MAX);
                self.send_query(now, at, sink);
            }
            None => {
                for key in std::mem::take(&mut query.failed) {
                    self.remember(now, key, Value::Nothing, FAILED_TTL);
                }
                self.finish_query(at, answer);
            }
        }
    }

    fn finish_query(&mut self, at: usize, answer: Answer) {
        if let Some(query) = self.resolver.queries.try_remove(at) {
            self.udp.close(query.socket);
            self.tell(Event::Resolved(query.id, answer));
        }
    }

    /// A datagram came to a question's port.
    pub(crate) fn resolver_input(
        &mut self,
        now: Instant,
        socket: SocketId,
        from: (Ipv4Addr, u16),
        octets: &[u8],
        sink: &mut dyn Sink,
    ) {
        let queries = &self.resolver.queries;
        let Some((at, query)) = queries.iter().find(|(_, query)| query.socket == socket) else {
            self.udp.close(socket);
            return;
        };
        let servers = &self.resolver.servers;
        let server = servers.get(query.server % servers.len().max(1)).copied();
        let message = Message::parse(octets).ok().filter(|message| {
            server == Some(from.0)
                && from.1 == PORT
                && message.id() == query.number
                && message.has(flag::RESPONSE)
        });
        let Some(message) = message else {
            self.resolver.stats.foreign += 1;
            return;
        };
        let asked = query.asked.clone();
        let Ok((questions, [answers, ..])) = message.read() else {
            self.resolver.stats.malformed += 1;
            return;
        };
        if questions != [asked.clone()] || message.opcode() != 0 {
            self.resolver.stats.foreign += 1;
            return;
        }
        self.resolver.stats.received += 1;
        if self.resolver.trace {
            self.tell(Event::Domain(super::trace::message(false, octets)));
        }
        // Errors of the server itself are not answers; that a name is not there is one.
        if !matches!(message.rcode(), 0 | 3) {
            self.next_server(now, at, sink);
            return;
        }
        let Some(query) = self.resolver.queries.get_mut(at) else {
            return;
        };
        match follow(&asked, &answers, &mut query.aliases) {
            Found::Value(value, ttl) => {
                let ttl = ttl.min(query.ttl).clamp(SHORTEST_TTL, LONGEST_TTL);
                let key = query.keys.first().cloned();
                let answer = match &value {
                    Value::Address(address) => Answer::Address(*address),
                    Value::Name(name) => Answer::Name(name.clone()),
                    Value::Nothing => Answer::Unknown,
                };
                if let Some(key) = key {
                    self.remember(now, key, value, ttl);
                }
                self.finish_query(at, answer);
            }
            Found::Alias(name, ttl) => {
                query.ttl = query.ttl.min(ttl);
                query.asked.name = name;
                query.tries = 0;
                self.send_query(now, at, sink);
            }
            Found::Nothing => self.next_key(now, at, Answer::Unknown, sink),
        }
    }
}
