//! The client's end of Telnet (RFC 854): it lets the other end echo if it may, and offers nothing.

use wanbox_console::telnet::{BINARY, DO, DONT, ECHO, IAC, SGA, Stream, Token, WILL, WONT};

/// Which way an option went, for `topt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// We sent it.
    pub sent: bool,
    verb: u8,
    option: u8,
}

impl std::fmt::Display for Negotiated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 7] = [
            "Transmit Binary",
            "Echo",
            "",
            "Suppress Go Ahead",
            "",
            "Status",
            "Timing Mark",
        ];
        let way = if self.sent { "sent" } else { "recv" };
        let verb = match self.verb {
            WILL => "will",
            WONT => "wont",
            DO => "do",
            _ => "dont",
        };
        match NAMES.get(usize::from(self.option)) {
            Some(name) => write!(f, "{way}: {verb} {name}"),
            None => write!(f, "{way}: {verb} {}", self.option),
        }
    }
}

/// How ends of lines are sent while the other end echoes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eol {
    /// Each key as it is.
    #[default]
    Standard,
    /// A carriage return becomes a line feed.
    Null,
}

/// A session with a server.
#[derive(Clone, Debug, Default)]
pub struct Client {
    stream: Stream,
    /// The server transmits binary, echoes, suppresses go-ahead.
    theirs: [bool; 3],
    /// We suppress go-ahead.
    ours: bool,
}

/// What came of octets from the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// For the screen.
    pub data: Vec<u8>,
    /// For the server.
    pub answer: Vec<u8>,
    /// The options that were spoken of.
    pub negotiated: Vec<Negotiated>,
}

/// The place of an option that a server may do.
fn place(option: u8) -> Option<usize> {
    match option {
        BINARY => Some(0),
        ECHO => Some(1),
        SGA => Some(2),
        _ => None,
    }
}

impl Client {
    /// A session that begins: nothing is agreed about.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the server echoes: every key goes to it at once, and nothing is shown here.
    pub fn is_raw(&self) -> bool {
        let [_, echo, _] = self.theirs;
        echo
    }

    /// Takes what the server sent. It may echo if `accept` says so.
    pub fn receive(&mut self, octets: &[u8], accept: bool, received: &mut Received) {
        for &octet in octets {
            match self.stream.receive(octet) {
                Some(Token::Octet(octet)) => received.data.push(octet),
                Some(Token::Option { verb, option }) => {
                    self.negotiate(verb, option, accept, received);
                }
                // Nothing was offered of which there could be more to say.
                Some(Token::Command(_) | Token::Subnegotiation(_)) | None => {}
            }
        }
    }

    /// RFC 854: nothing is answered that only acknowledges, so that there are no loops.
    fn negotiate(&mut self, verb: u8, option: u8, accept: bool, received: &mut Received) {
        let theirs = place(option).and_then(|place| self.theirs.get_mut(place));
        let answer = match (verb, theirs) {
            (WILL, Some(done)) if option == ECHO && !accept && !*done => Some(DONT),
            (WILL, Some(done)) => (!std::mem::replace(done, true)).then_some(DO),
            (WILL, None) => Some(DONT),
            (WONT, Some(done)) => std::mem::take(done).then_some(DONT),
            (DO, _) if option == SGA => (!std::mem::replace(&mut self.ours, true)).then_some(WILL),
            (DO, _) => Some(WONT),
            (DONT, _) if option == SGA => std::mem::take(&mut self.ours).then_some(WONT),
            _ => None,
        };
        received.negotiated.push(Negotiated {
            sent: false,
            verb,
            option,
        });
        if let Some(verb) = answer {
            received.answer.extend([IAC, verb, option]);
            received.negotiated.push(Negotiated {
                sent: true,
                verb,
                option,
            });
        }
    }

    /// What is to be sent for a key of a raw session.
    pub fn send_key(&self, octet: u8, eol: Eol, out: &mut Vec<u8>) {
        match octet {
            b'\r' if eol == Eol::Null => out.push(b'\n'),
            // RFC 854: a carriage return alone is followed by NUL.
            b'\r' => out.extend(b"\r\0"),
            IAC => out.extend([IAC, IAC]),
            _ => out.push(octet),
        }
    }

    /// What is to be sent for a line, with its end or without.
    pub fn send_line(&self, line: &str, end: bool, out: &mut Vec<u8>) {
        for octet in line.bytes() {
            match octet {
                IAC => out.extend([IAC, IAC]),
                _ => out.push(octet),
            }
        }
        if end {
            out.extend(b"\r\n");
        }
    }
}

/// For fuzzing: octets of a server.
pub fn fuzz_telnet_client(octets: &[u8]) {
    let mut client = Client::new();
    let mut received = Received::default();
    client.receive(octets, !octets.len().is_multiple_of(2), &mut received);
    assert!(received.data.len() <= octets.len());
    assert!(
        received.answer.len() <= octets.len(),
        "no more than was asked"
    );
    assert!(received.negotiated.len() <= octets.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(client: &mut Client, octets: &[u8], accept: bool) -> (Vec<u8>, Vec<u8>, Vec<String>) {
        let mut received = Received::default();
        client.receive(octets, accept, &mut received);
        let trace = received.negotiated.iter().map(ToString::to_string);
        let trace = trace.collect();
        (received.data, received.answer, trace)
    }

    #[test]
    fn a_server_that_echoes() {
        let mut client = Client::new();
        let (data, answer, trace) = take(
            &mut client,
            b"\xff\xfd\x18\xff\xfb\x03\xff\xfb\x01\xff\xfd\x03login: ",
            true,
        );
        assert_eq!(data, b"login: ");
        assert_eq!(answer, b"\xff\xfc\x18\xff\xfd\x03\xff\xfd\x01\xff\xfb\x03");
        assert_eq!(
            trace,
            [
                "recv: do 24",
                "sent: wont 24",
                "recv: will Suppress Go Ahead",
                "sent: do Suppress Go Ahead",
                "recv: will Echo",
                "sent: do Echo",
                "recv: do Suppress Go Ahead",
                "sent: will Suppress Go Ahead"
            ]
        );
        assert!(client.is_raw());
        // Once more: nothing that only acknowledges.
        let (_, answer, _) = take(&mut client, b"\xff\xfb\x03\xff\xfb\x01\xff\xfd\x03", true);
        assert_eq!(answer, b"");
        let (_, answer, trace) = take(&mut client, b"\xff\xfc\x01\xff\xfc\x01\xff\xfe\x03", true);
        assert_eq!(answer, b"\xff\xfe\x01\xff\xfc\x03");
        assert_eq!(trace.first().map(String::as_str), Some("recv: wont Echo"));
        assert!(!client.is_raw());
    }

    #[test]
    fn echo_refused() {
        let mut client = Client::new();
        let (_, answer, _) = take(&mut client, b"\xff\xfb\x01", false);
        assert_eq!(answer, b"\xff\xfe\x01");
        assert!(!client.is_raw());
        // A session that was let echo before stays so.
        take(&mut client, b"\xff\xfb\x01", true);
        let (_, answer, _) = take(&mut client, b"\xff\xfb\x01", false);
        assert_eq!(answer, b"");
        assert!(client.is_raw());
    }

    #[test]
    fn other_commands_are_no_data() {
        let mut client = Client::new();
        let (data, answer, _) = take(
            &mut client,
            b"a\xff\xff\xff\xf9b\xff\xfa\x18\x01\xff\xff\xff\xf0c\xff\xfb\x22\xff\xfc\x22",
            true,
        );
        assert_eq!(data, b"a\xffbc");
        assert_eq!(answer, b"\xff\xfe\x22");
    }

    #[test]
    fn what_is_sent() {
        let client = Client::new();
        let mut out = Vec::new();
        client.send_line("ls ÿ", true, &mut out);
        assert_eq!(out, "ls ÿ\r\n".as_bytes());
        out.clear();
        for key in [b'a', b'\r', 0xff, b'\n'] {
            client.send_key(key, Eol::Standard, &mut out);
        }
        assert_eq!(out, b"a\r\0\xff\xff\n");
        out.clear();
        client.send_key(b'\r', Eol::Null, &mut out);
        assert_eq!(out, b"\n");
    }

    proptest! {
        #[test]
        fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            fuzz_telnet_client(&octets);
        }
    }
}
