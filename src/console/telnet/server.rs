//! The server's end of Telnet, as far as a line editor at its other end needs it.
//!
//! We echo and suppress go-ahead (RFC 857, RFC 858), and ask a client that shows to be one how
//! large its window is (RFC 1073), and for programs of the host what kind of terminal it is
//! (RFC 1091). Whatever else it asks for is refused. Nothing is kept that grows with what a
//! client sends; an answer is never longer than five times the question.
//! Text to the client needs no escapes: UTF-8 has no octet 255.

use super::{
    AYT, BRK, DO, DONT, EC, ECHO, EL, IAC, IP, NAWS, SB, SE, SGA, Stream, TTYPE, Token, WILL, WONT,
};

/// The longest name of a terminal, octets (RFC 1091).
const LONGEST_NAME: usize = 40;
/// In a subnegotiation about the kind of the terminal: here it is; it is asked for (RFC 1091).
const IS: u8 = 0;
const SEND: u8 = 1;

/// What a server says first, before it knows whether a Telnet client is there.
pub const OPENING: [u8; 12] = [IAC, WILL, SGA, IAC, WILL, ECHO, IAC, DO, SGA, IAC, DO, ECHO];

/// What comes out of the stream of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An octet of data.
    Octet(u8),
    /// The size of the client's window; 0 is unknown.
    Window {
        /// Characters a line.
        columns: u16,
        /// Lines.
        rows: u16,
    },
    /// What kind of terminal it is is known as far as it ever will be.
    Terminal,
    /// The client wants what runs to be interrupted.
    Interrupt,
    /// The client wants the last character erased.
    Erase,
    /// The client wants the line erased.
    EraseLine,
    /// The client wants a sign of life.
    AreYouThere,
}

/// How far the agreement about an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreed {
    Off,
    /// We said it first.
    Asked,
    On,
}

/// The protocol between the connection and the editor.
#[derive(Clone, Debug)]
pub struct Telnet {
    stream: Stream,
    /// We echo, we suppress go-ahead.
    ours: [Agreed; 2],
    /// The client suppresses go-ahead, tells its window, tells its kind of terminal.
    theirs: [Agreed; 3],
    window_asked: bool,
    asks_terminal: bool,
    terminal: Option<String>,
}

impl Default for Telnet {
    fn default() -> Self {
        Self {
            stream: Stream::default(),
            ours: [Agreed::Asked; 2],
            theirs: [Agreed::Asked, Agreed::Off, Agreed::Off],
            window_asked: false,
            asks_terminal: false,
            terminal: None,
        }
    }
}

impl Telnet {
    /// The protocol after [`OPENING`] was sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Telnet::new`], and the client is asked what kind of terminal it is: [`Event::Terminal`].
    pub fn asking_terminal() -> Self {
        Self {
            asks_terminal: true,
            ..Self::default()
        }
    }

    /// The kind of terminal, in small letters, if the client told one that may be in a path.
    pub fn terminal(&self) -> Option<&str> {
        self.terminal.as_deref()
    }

    /// Whether the client leaves it to us to echo.
    pub fn echoes(&self) -> bool {
        let [echo, _] = self.ours;
        echo != Agreed::Off
    }

    /// Takes an octet; what has to be answered goes to `answer`.
    pub fn receive(&mut self, octet: u8, answer: &mut Vec<u8>) -> Option<Event> {
        match self.stream.receive(octet)? {
            Token::Octet(octet) => Some(Event::Octet(octet)),
            Token::Command(IP | BRK) => Some(Event::Interrupt),
            Token::Command(AYT) => Some(Event::AreYouThere),
            Token::Command(EC) => Some(Event::Erase),
            Token::Command(EL) => Some(Event::EraseLine),
            Token::Command(_) => None,
            Token::Option { verb, option } => {
                self.negotiate(verb, option, answer);
                let refuses = self.asks_terminal && (verb, option) == (WONT, TTYPE);
                refuses.then_some(Event::Terminal)
            }
            Token::Subnegotiation(&[TTYPE, IS, ref name @ ..]) if self.asks_terminal => {
                let plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.+".contains(octet);
                let first = name.first().is_some_and(u8::is_ascii_alphanumeric);
                self.terminal = (first && name.len() <= LONGEST_NAME && name.iter().all(plain))
                    .then(|| String::from_utf8_lossy(name).to_ascii_lowercase());
                Some(Event::Terminal)
            }
            Token::Subnegotiation(&[NAWS, c1, c0, r1, r0]) => Some(Event::Window {
                columns: u16::from_be_bytes([c1, c0]),
                rows: u16::from_be_bytes([r1, r0]),
            }),
            Token::Subnegotiation(_) => None,
        }
    }

    /// RFC 854: nothing is answered that only acknowledges, so that there are no loops.
    fn negotiate(&mut self, verb: u8, option: u8, answer: &mut Vec<u8>) {
        let [echo, ours_sga] = &mut self.ours;
        let [theirs_sga, window, terminal] = &mut self.theirs;
        let agreed = match (verb, option) {
            (DO | DONT, ECHO) => Some(echo),
            (DO | DONT, SGA) => Some(ours_sga),
            (WILL | WONT, SGA) => Some(theirs_sga),
            (WILL | WONT, NAWS) => Some(&mut *window),
            (WILL | WONT, TTYPE) if self.asks_terminal => Some(&mut *terminal),
            _ => None,
        };
        let (yes, no) = if matches!(verb, DO | DONT) {
            (WILL, WONT)
        } else {
            (DO, DONT)
        };
        let wanted = matches!(verb, DO | WILL);
        match agreed {
            None if wanted => answer.extend([IAC, no, option]),
            None => {}
            Some(agreed) => match (*agreed, wanted) {
                (Agreed::Off, true) => {
                    *agreed = Agreed::On;
                    answer.extend([IAC, yes, option]);
                }
                (Agreed::Asked, true) => *agreed = Agreed::On,
                (Agreed::Asked, false) => *agreed = Agreed::Off,
                (Agreed::On, false) => {
                    *agreed = Agreed::Off;
                    answer.extend([IAC, no, option]);
                }
                (Agreed::On, true) | (Agreed::Off, false) => {}
            },
        }
        if (verb, option) == (WILL, TTYPE) && self.asks_terminal {
            answer.extend([IAC, SB, TTYPE, SEND, IAC, SE]);
        }
        // It speaks Telnet: it may have a window.
        if !std::mem::replace(&mut self.window_asked, true) && *window == Agreed::Off {
            *window = Agreed::Asked;
            answer.extend([IAC, DO, NAWS]);
            if self.asks_terminal && *terminal == Agreed::Off {
                *terminal = Agreed::Asked;
                answer.extend([IAC, DO, TTYPE]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(telnet: &mut Telnet, octets: &[u8]) -> (Vec<Event>, Vec<u8>) {
        let mut answer = Vec::new();
        let events = octets
            .iter()
            .filter_map(|&octet| telnet.receive(octet, &mut answer))
            .collect();
        (events, answer)
    }

    #[test]
    fn the_opening_is_what_old_scripts_expect() {
        assert_eq!(
            OPENING,
            *b"\xff\xfb\x03\xff\xfb\x01\xff\xfd\x03\xff\xfd\x01"
        );
    }

    #[test]
    fn a_client_agrees_and_tells_its_window() {
        let mut telnet = Telnet::new();
        // As the client of Debian does.
        let (events, answer) = all(
            &mut telnet,
            b"\xff\xfd\x03\xff\xfd\x01\xff\xfb\x03\xff\xfc\x01",
        );
        assert_eq!((events, answer), (vec![], vec![IAC, DO, NAWS]));
        assert!(telnet.echoes());
        let (events, answer) = all(
            &mut telnet,
            b"\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0a",
        );
        let window = Event::Window {
            columns: 80,
            rows: 24,
        };
        assert_eq!(events, [window, Event::Octet(b'a')]);
        assert_eq!(answer, []);
        // 255 columns are sent twice; a longer subnegotiation is another.
        let (events, _) = all(&mut telnet, b"\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0");
        assert_eq!(
            events,
            [Event::Window {
                columns: 255,
                rows: 24
            }]
        );
        let (events, _) = all(&mut telnet, b"\xff\xfa\x1f\x00\x50\x00\x18\x00\xff\xf0");
        assert_eq!(events, []);
    }

    #[test]
    fn a_client_tells_what_terminal_it_is() {
        let mut telnet = Telnet::asking_terminal();
        let (events, answer) = all(&mut telnet, b"\xff\xfd\x03");
        assert_eq!(events, []);
        assert_eq!(answer, [IAC, DO, NAWS, IAC, DO, TTYPE]);
        let (events, answer) = all(&mut telnet, b"\xff\xfb\x18");
        assert_eq!(events, []);
        assert_eq!(answer, [IAC, SB, TTYPE, SEND, IAC, SE]);
        let (events, _) = all(&mut telnet, b"\xff\xfa\x18\x00XTERM-256color\xff\xf0");
        assert_eq!(events, [Event::Terminal]);
        assert_eq!(telnet.terminal(), Some("xterm-256color"));
        // One that refuses, and names that are paths.
        let mut telnet = Telnet::asking_terminal();
        let (events, _) = all(&mut telnet, b"\xff\xfc\x18");
        assert_eq!((events, telnet.terminal()), (vec![Event::Terminal], None));
        let long = "x".repeat(41);
        for name in ["../../etc", "", ".", "vt100\n", "-froot", &long] {
            let told = [b"\xff\xfa\x18\x00", name.as_bytes(), b"\xff\xf0"].concat();
            all(&mut telnet, &told);
            assert_eq!(telnet.terminal(), None, "{name:?}");
        }
        // Who does not care is not asked.
        let (_, answer) = all(&mut Telnet::new(), b"\xff\xfb\x18");
        assert_eq!(answer, [IAC, DONT, TTYPE, IAC, DO, NAWS]);
    }

    #[test]
    fn what_is_not_offered_is_refused_and_nothing_loops() {
        let mut telnet = Telnet::new();
        let (_, answer) = all(
            &mut telnet,
            b"\xff\xfb\x18\xff\xfd\x06\xff\xfb\x01\xff\xfe\x22",
        );
        assert_eq!(
            answer,
            [
                [IAC, DONT, 24],
                [IAC, DO, NAWS],
                [IAC, WONT, 6],
                [IAC, DONT, ECHO]
            ]
            .concat()
        );
        let (_, answer) = all(
            &mut telnet,
            b"\xff\xfc\x1f\xff\xfe\x01\xff\xfe\x01\xff\xfc\x1f",
        );
        assert_eq!(answer, []);
        assert!(!telnet.echoes());
        let (_, answer) = all(&mut telnet, b"\xff\xfd\x01\xff\xfe\x01");
        assert_eq!(answer, [[IAC, WILL, ECHO], [IAC, WONT, ECHO]].concat());
    }

    #[test]
    fn commands_and_data() {
        let mut telnet = Telnet::new();
        let (events, _) = all(
            &mut telnet,
            b"a\xff\xff\xff\xf4\xff\xf6\xff\xf7\xff\xf8\xff\xf1b",
        );
        assert_eq!(
            events,
            [
                Event::Octet(b'a'),
                Event::Octet(255),
                Event::Interrupt,
                Event::AreYouThere,
                Event::Erase,
                Event::EraseLine,
                Event::Octet(b'b')
            ]
        );
    }
}
