//! Telnet (RFC 854): the stream of octets, and the server's end of it.

mod server;

pub use server::{Event, OPENING, Telnet};

/// Interpret as command.
pub const IAC: u8 = 255;
/// The peer is not to do something.
pub const DONT: u8 = 254;
/// The peer is to do something.
pub const DO: u8 = 253;
/// We do not do something.
pub const WONT: u8 = 252;
/// We do something.
pub const WILL: u8 = 251;
/// Subnegotiation begins.
pub const SB: u8 = 250;
/// Erase line.
pub const EL: u8 = 248;
/// Erase character.
pub const EC: u8 = 247;
/// Are you there.
pub const AYT: u8 = 246;
/// Interrupt process.
pub const IP: u8 = 244;
/// Break.
pub const BRK: u8 = 243;
/// Subnegotiation ends.
pub const SE: u8 = 240;

/// Option: eight bits in data (RFC 856).
pub const BINARY: u8 = 0;
/// Option: the other end shows what is typed (RFC 857).
pub const ECHO: u8 = 1;
/// Option: suppress go-ahead (RFC 858).
pub const SGA: u8 = 3;
/// Option: the kind of the terminal (RFC 1091).
pub const TTYPE: u8 = 24;
/// Option: negotiate about window size (RFC 1073).
pub const NAWS: u8 = 31;

/// How much of a subnegotiation is kept: the longest name of a terminal, with its option and the word before it.
const MAX_SUBNEGOTIATION: usize = 42;

/// What comes out of the stream of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'t> {
    /// An octet of data.
    Octet(u8),
    /// A command without an option.
    Command(u8),
    /// WILL, WONT, DO or DONT.
    Option {
        /// Which of them.
        verb: u8,
        /// The number of the option.
        option: u8,
    },
    /// A whole subnegotiation: option and parameters. Of a longer one only the beginning is here.
    Subnegotiation(&'t [u8]),
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Data,
    Command,
    /// Behind WILL, WONT, DO or DONT.
    Option(u8),
    Subnegotiation,
    /// Behind IAC within one.
    SubnegotiationCommand,
}

/// The stream of octets that comes from the other end.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    state: State,
    subnegotiation: Vec<u8>,
}

impl Stream {
    /// Takes an octet.
    pub fn receive(&mut self, octet: u8) -> Option<Token<'_>> {
        match (std::mem::take(&mut self.state), octet) {
            (State::Data, IAC) => self.state = State::Command,
            (State::Data, _) => return Some(Token::Octet(octet)),
            (State::Command, IAC) => return Some(Token::Octet(IAC)),
            (State::Command, SB) => {
                self.subnegotiation.clear();
                self.state = State::Subnegotiation;
            }
            (State::Command, WILL | WONT | DO | DONT) => self.state = State::Option(octet),
            (State::Command, _) => return Some(Token::Command(octet)),
            (State::Option(verb), option) => return Some(Token::Option { verb, option }),
            (State::Subnegotiation, IAC) => self.state = State::SubnegotiationCommand,
            (State::Subnegotiation, _) => self.keep(octet),
            (State::SubnegotiationCommand, IAC) => self.keep(octet),
            (State::SubnegotiationCommand, SE) => {
                return Some(Token::Subnegotiation(&self.subnegotiation));
            }
            // Anything else within a subnegotiation is a mistake, and ends it.
            (State::SubnegotiationCommand, _) => {}
        }
        None
    }

    fn keep(&mut self, octet: u8) {
        self.state = State::Subnegotiation;
        // A longer one is none that we know: it gets another length, and is passed over.
        if self.subnegotiation.len() <= MAX_SUBNEGOTIATION {
            self.subnegotiation.push(octet);
        }
    }
}
