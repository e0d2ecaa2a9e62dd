//! A circuit between an input and an output.
//!
//! X.25 clears both directions at once. So that the one that ends first does not cut the other,
//! the end of an input is told with the message by which X.29 invites to clear: qualified data of
//! the one octet 05. When both ends have invited, one of them clears, with the diagnostic
//! "disconnection - normal condition".

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use wanbox_grammar::report;
use wanbox_wire::x25::cause::{self, Of};
use wanbox_wire::x25::diagnostic;
use wanbox_wire::x25api::{Kind, Repr, flags};

use crate::client::{Buffer, Connection, is_over, refused};
use crate::ending::{Cleared, Ending, code};
use crate::{Failure, unhex};

/// X.29: invitation to clear.
const INVITATION: [u8; 1] = [5];
/// The tag of the last message of an input.
const LAST: u32 = 1;
/// The tag of clearing.
const CLEARING: u32 = 2;

/// How data go through a circuit.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The applet, for what is told.
    pub name: &'static str,
    /// Tell what happens.
    pub verbose: bool,
    /// Send with the Q bit.
    pub qualified: bool,
    /// Send with the D bit.
    pub delivery: bool,
    /// Clear at the end of the input, rather than inviting to.
    pub clear_at_end: bool,
    /// The most octets of the input in one message.
    pub chunk: usize,
}

impl Manner {
    /// The most octets of one message.
    pub const CHUNKS: std::ops::RangeInclusive<usize> = 1..=wanbox_wire::x25api::MAX_PAYLOAD;
    /// As many as the longest packet has.
    pub const CHUNK: usize = 4096;

    pub fn tell(&self, what: impl std::fmt::Display) {
        if self.verbose {
            report::error(self.name, what);
        }
    }

    fn invites(&self) -> bool {
        !self.clear_at_end && !self.qualified
    }
}

/// What the thread that sends has done.
#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    /// Something that was read is not sent yet.
    busy: AtomicBool,
    /// The input has ended, and that is on its way.
    ended: AtomicBool,
    /// The input failed.
    failed: AtomicBool,
}

/// Where what comes goes to.
pub type Output<'o> = Option<Box<dyn Write + 'o>>;

/// Sends the input (none: there is nothing to send) and receives into the output until the circuit
/// is cleared; `ending` is told what became of it.
pub fn run(
    connection: &Arc<Connection>,
    buffer: &mut Buffer,
    input: Option<Box<dyn Read + Send>>,
    output: Output<'_>,
    manner: &Manner,
    ending: &mut Ending,
) {
    let progress = Arc::new(Progress::default());
    let mut circuit = Circuit {
        connection,
        manner,
        output,
        all_acknowledged: false,
        other_ended: false,
        clearing: false,
        ending,
    };
    let started = match input {
        None => match end_input(connection, manner, &progress) {
            // Why it is over is still to be received.
            Err(error) if is_over(&error) => Ok(()),
            ended => ended,
        },
        Some(input) => {
            let (connection, manner) = (Arc::clone(connection), manner.clone());
            let progress = Arc::clone(&progress);
            let sending = move || send_input(&connection, input, &manner, &progress);
            thread::Builder::new().spawn(sending).map(drop)
        }
    };
    if let Err(error) = started {
        circuit.trouble(error.to_string());
    } else {
        circuit.receive(buffer, &progress);
    }
    // A program at the output hears that there is no more.
    drop(circuit);
    ending.sent = progress.sent.load(Ordering::SeqCst);
}

/// An error means that the circuit is gone, which the other thread hears of, too.
fn send_input(
    connection: &Connection,
    mut input: Box<dyn Read + Send>,
    manner: &Manner,
    progress: &Progress,
) -> io::Result<()> {
    let mut chunk = vec![0; manner.chunk];
    let mut data = Repr::new(Kind::Data);
    data.flags |= if manner.qualified { flags::Q } else { 0 };
    data.flags |= if manner.delivery { flags::D } else { 0 };
    loop {
        let length = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                report::error(manner.name, format_args!("the input: {error}"));
                progress.failed.store(true, Ordering::SeqCst);
                let clear = Repr {
                    diagnostic: code::ABNORMAL,
                    tag: CLEARING,
                    ..Repr::new(Kind::Clear)
                };
                return connection.send(&clear, &[]);
            }
        };
        progress.busy.store(true, Ordering::SeqCst);
        connection.send(&data, chunk.get(..length).unwrap_or_default())?;
        progress.sent.fetch_add(length as u64, Ordering::SeqCst);
        progress.busy.store(false, Ordering::SeqCst);
    }
    end_input(connection, manner, progress)
}

fn end_input(connection: &Connection, manner: &Manner, progress: &Progress) -> io::Result<()> {
    progress.ended.store(true, Ordering::SeqCst);
    if manner.invites() {
        let delivery = if manner.delivery { flags::D } else { 0 };
        let invitation = Repr {
            flags: flags::Q | flags::ACK | delivery,
            tag: LAST,
            ..Repr::new(Kind::Data)
        };
        return connection.send(&invitation, &INVITATION);
    }
    let clear = Repr {
        flags: flags::AFTER,
        tag: CLEARING,
        ..Repr::new(Kind::Clear)
    };
    connection.send(&clear, &[])
}

/// The receiving side.
struct Circuit<'c> {
    connection: &'c Connection,
    manner: &'c Manner,
    output: Output<'c>,
    /// The other end has everything, the invitation included.
    all_acknowledged: bool,
    /// The other end has nothing more to send.
    other_ended: bool,
    /// Clearing was asked for here.
    clearing: bool,
    ending: &'c mut Ending,
}

impl Circuit<'_> {
    fn receive(&mut self, buffer: &mut Buffer, progress: &Progress) {
        loop {
            if self.all_acknowledged && self.other_ended && !self.clearing {
                self.clear(code::NORMAL);
            }
            let (repr, payload) = match self.connection.receive(buffer, None) {
                Ok(Some(message)) => message,
                Ok(None) => continue,
                Err(error) => return self.trouble(error.to_string()),
            };
            match repr.kind {
                Kind::Data => self.data(&repr, payload),
                Kind::Sent if repr.tag == LAST => self.all_acknowledged = true,
                Kind::Clear => return self.cleared(&repr, progress),
                Kind::Done if repr.tag == CLEARING => {
                    if progress.failed.load(Ordering::SeqCst) {
                        self.trouble("the input failed".to_owned());
                    }
                    self.ending.cleared = Some(Cleared::of(&repr));
                    return self.manner.tell("cleared");
                }
                Kind::Reset => {
                    let cause = cause::text(Of::Reset, repr.cause);
                    let code = diagnostic::text(repr.diagnostic);
                    self.trouble(format!(
                        "data may be lost: the circuit was reset: {cause}, {code}"
                    ));
                    self.clear(code::ABNORMAL);
                }
                Kind::Interrupt => {
                    self.manner
                        .tell(format_args!("interrupt {}", unhex(payload)));
                    // The end of the connection is seen when it is read.
                    let _ = self.connection.send(&Repr::new(Kind::Confirm), &[]);
                }
                Kind::Refused if !self.clearing => {
                    if let Failure::Failed(why) = refused(payload) {
                        self.trouble(why);
                    }
                    self.clear(code::ABNORMAL);
                }
                _ => {}
            }
        }
    }

    fn data(&mut self, repr: &Repr, payload: &[u8]) {
        let qualified = repr.flags & flags::Q != 0;
        if qualified && !self.manner.qualified && payload == INVITATION {
            self.manner.tell("the other end has no more to send");
            self.other_ended = true;
            self.output = None;
            return;
        }
        self.ending.received += payload.len() as u64;
        if let Some(output) = &mut self.output
            && let Err(error) = output.write_all(payload).and_then(|()| output.flush())
        {
            self.trouble(format!("the output: {error}"));
            self.output = None;
            self.clear(code::ABNORMAL);
        }
    }

    /// The other end, or the network, has cleared.
    fn cleared(&mut self, repr: &Repr, progress: &Progress) {
        let cleared = Cleared::of(repr);
        self.ending.cleared = Some(cleared);
        self.manner.tell(format_args!("cleared: {cleared}"));
        let ended = progress.ended.load(Ordering::SeqCst);
        let idle = ended || !progress.busy.load(Ordering::SeqCst);
        // It says that it has everything, or there is nothing that it lacks.
        let has_all = match cleared.diagnostic {
            code::NORMAL if ended => true,
            code::NORMAL | 0 => idle && repr.flags & flags::AFTER != 0,
            _ => false,
        };
        if cleared.is_by_dte() && has_all {
            return;
        }
        let lacks = if cleared.is_by_dte() && matches!(cleared.diagnostic, 0 | code::NORMAL) {
            " before it had everything"
        } else {
            ""
        };
        self.trouble(format!("the circuit was cleared{lacks}: {cleared}"));
    }

    /// Clears: when the other end has everything if that is the normal end, else at once.
    fn clear(&mut self, diagnostic: u8) {
        if self.clearing {
            return;
        }
        self.clearing = true;
        let after = diagnostic == code::NORMAL;
        let clear = Repr {
            flags: if after { flags::AFTER } else { 0 },
            diagnostic,
            tag: CLEARING,
            ..Repr::new(Kind::Clear)
        };
        // The end of the connection is seen when it is read.
        let _ = self.connection.send(&clear, &[]);
    }

    /// The first thing that went wrong is what is told.
    fn trouble(&mut self, what: String) {
        self.ending.trouble.get_or_insert(what);
    }
}

#[cfg(test)]
mod tests;
