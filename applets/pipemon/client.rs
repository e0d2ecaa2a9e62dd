//! Asking a link daemon: one request at a time, sent again when nobody answers.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant, SystemTime};

use wanbox_link::seal::Key;
use wanbox_runtime::datagram::Datagram;
use wanbox_wire::ParseError;
use wanbox_wire::pipemon::{Control, Kind, Message, Protocol, Repr, code, opcode};

use crate::failure::Failure;
use crate::request::{Request, Target};

/// How often a request is sent before a monitor gives up.
const SENDS: u32 = 4;
/// How often the first command is tried while it is answered with an error.
const PROBES: u32 = 3;
/// Longer than any message.
const BUFFER: usize = 8192;

/// What a monitor says when nobody answers.
const SILENCE: &str = "Error: No Data received from the connected socket.";

/// A connection to a link daemon.
#[derive(Debug)]
pub struct Client {
    socket: Datagram,
    protocol: Protocol,
    timeout: Duration,
    key: Option<Key>,
    id: u8,
}

/// The answer to a command.
#[derive(Clone, Debug)]
pub struct Answer {
    octets: Vec<u8>,
    /// The return code.
    pub code: u8,
}

impl Answer {
    /// The whole message.
    pub fn message(&self) -> Result<Message<'_>, Failure> {
        Message::new_checked(&self.octets).map_err(malformed)
    }

    /// Its data.
    pub fn data(&self) -> &[u8] {
        Message::new_checked(&self.octets).map_or(&[], |message| message.data())
    }
}

/// An answer whose data are not what the command returns.
pub fn malformed(error: ParseError) -> Failure {
    Failure::failed(format!("Error: malformed answer: {error}"))
}

impl Client {
    /// Opens the connection; nothing is sent yet.
    pub fn connect(request: &Request) -> Result<Self, Failure> {
        let socket = match &request.target {
            Target::Remote(address) => Datagram::udp(*address)
                .map_err(|error| Failure::absent(format!("Error: {address}: {error}"))),
            Target::Local(interface) => {
                let path = request.root.monitor_dir().join(format!("{interface}.sock"));
                Datagram::local(&path).map_err(|error| match error.kind() {
                    ErrorKind::NotFound | ErrorKind::ConnectionRefused => Failure::absent(format!(
                        "Error: {interface}: no such interface or its link daemon is not \
                             running"
                    )),
                    _ => Failure::failed(format!("Error: {}: {error}", path.display())),
                })
            }
        }?;
        Ok(Self {
            socket,
            protocol: request.monitor.protocol(),
            timeout: request.timeout,
            key: request.key.clone(),
            id: 0,
        })
    }

    /// Whether somebody answers there. Returns the answer to READ_CONFIG.
    pub fn probe(&mut self) -> Result<Answer, Failure> {
        let (config, version) = match self.protocol {
            Protocol::FrameRelay => (opcode::fr::READ_CONFIG, opcode::fr::READ_CODE_VERSION),
            Protocol::CiscoHdlc => (opcode::chdlc::READ_CONFIG, opcode::chdlc::READ_CODE_VERSION),
            Protocol::Ppp => (opcode::ppp::READ_CONFIG, opcode::ppp::READ_CODE_VERSION),
            Protocol::X25 => (opcode::x25::READ_CONFIG, opcode::x25::READ_CODE_VERSION),
        };
        let unable = |reason: String| {
            Failure::absent(format!(
                "{reason}Error: Unable to obtain network interface information.\n\
                 Make sure the IP and UDP port are correct."
            ))
        };
        let mut last = code::OK;
        for _ in 0..PROBES {
            let answer = self
                .call(config, 0, &[])
                .map_err(|f| unable(f.text + "\n"))?;
            last = answer.code;
            if last == code::OK {
                self.call(version, 0, &[])
                    .map_err(|f| unable(f.text + "\n"))?;
                return Ok(answer);
            }
            if last == code::NOT_RUNNING {
                break;
            }
        }
        Err(unable(format!("Error: return code 0x{last:02X}\n")))
    }

    /// Sends a command and waits for its answer, whatever its return code.
    pub fn call(&mut self, opcode: u8, channel: u16, data: &[u8]) -> Result<Answer, Failure> {
        self.id = self.id.wrapping_add(1);
        let control = Control::about(self.protocol, channel);
        let request = Repr::request(control, self.id, opcode, data);
        let mut octets = vec![0; request.wire_len()];
        request.emit(&mut octets).map_err(malformed)?;
        let length = octets.len();
        for _ in 0..SENDS {
            if let Some(key) = &self.key {
                // Made anew each time: nothing is let in twice.
                octets.truncate(length);
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                key.seal(now.map_or(0, |d| d.as_millis() as u64), &mut octets);
            }
            // A datagram left over from a port that was closed would fail the first send only.
            match self.socket.send(&octets) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(silence(&error)),
            }
            if let Some(answer) = self.await_answer(opcode)? {
                return if answer.code == code::UNANSWERED && !leaves_code(self.protocol, opcode) {
                    Err(Failure::failed("Error: Command timeout occurred"))
                } else {
                    Ok(answer)
                };
            }
        }
        Err(Failure::failed(SILENCE))
    }

    fn await_answer(&self, opcode: u8) -> Result<Option<Answer>, Failure> {
        let mut buffer = [0; BUFFER];
        let end = Instant::now() + self.timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let octets = match self.socket.receive_within(&mut buffer, left) {
                Ok(Some(0)) => return Err(Failure::failed(SILENCE)),
                Ok(Some(length)) => buffer.get(..length).unwrap_or_default(),
                Ok(None) if left.is_zero() => return Ok(None),
                Ok(None) => continue,
                Err(error) => return Err(silence(&error)),
            };
            // Late answers to earlier requests and whatever else arrives are not for us.
            if let Ok(message) = Message::new_checked(octets)
                && message.kind() == Kind::Reply
                && message.protocol() == self.protocol
                && message.id() == self.id
                && message.opcode() == opcode
            {
                return Ok(Some(Answer {
                    octets: octets.to_vec(),
                    code: message.return_code(),
                }));
            }
        }
    }
}

/// Old Frame Relay and X.25 drivers answer this command with the code that the request was sent
/// with.
fn leaves_code(protocol: Protocol, opcode: u8) -> bool {
    (protocol == Protocol::FrameRelay && opcode == opcode::fr::FLUSH_DRIVER_STATS)
        || (protocol == Protocol::X25 && opcode == opcode::x25::FLUSH_DRIVER_STATS)
}

fn silence(error: &io::Error) -> Failure {
    Failure::failed(format!("{SILENCE} ({error})"))
}

#[cfg(test)]
mod tests;
