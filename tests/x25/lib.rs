//! The kernel's X.25 sockets, as commands: what the tests meet in the kernel lab, whose only
//! shell is busybox's. The end-to-end tests' own executable runs them, so that it has to bring
//! nothing but itself.
//!
//! Everything that happens is told as a line of JSON with a word `event`; `failed` is one of them.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, thread};

use serde_json::{Value, json};

mod socket;

pub use socket::{Facilities, Received, Socket};

/// The word that the commands come behind.
pub const WORD: &str = "kernel-x25";

const USAGE: &str = "\
subscribe DEVICE [extended]
route add|del DIGITS DEVICE
call DIGITS [OPTION=VALUE...] [-- ACTION...]
listen DIGITS [OPTION=VALUE...] [-- ACTION...]

Options: from=DIGITS cud=HEX match=OCTETS packet=EXPONENT window=PACKETS reverse=BITS
extension=DIGITS calls=N qualifier=yes approve=yes
Actions on a circuit, one behind the other:
  send:FILE[:OCTETS]    the file, in messages of so many octets (1000)
  receive:FILE:OCTETS   until so many octets are in the file
  data:HEX, interrupt:HEX
  next                  the next message, interrupt or end
  echo                  whatever comes, until the end
  sleep:SECONDS
  accept                what approve=yes waits for
  facilities            what was negotiated
  cause:CAUSE,DIAGNOSTIC  what clearing says from now on
Behind the last action the circuit is cleared.";

type Done = io::Result<()>;

/// Runs a command. Its words are those behind [`WORD`].
pub fn run(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["subscribe", device] => Socket::open().and_then(|s| s.subscribe(device, 0xff, false)),
        ["subscribe", device, "extended"] => {
            Socket::open().and_then(|s| s.subscribe(device, 0xff, true))
        }
        ["route", "add", digits, device] => {
            Socket::open().and_then(|s| s.route(digits, device, true))
        }
        ["route", "del", digits, device] => {
            Socket::open().and_then(|s| s.route(digits, device, false))
        }
        ["call", digits, rest @ ..] => call(digits, rest),
        ["listen", digits, rest @ ..] => listen(digits, rest),
        _ => Err(wrong(&format!("{WORD} {words:?}: one of\n{USAGE}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(json!({"event": "failed", "why": error.to_string()}));
            ExitCode::FAILURE
        }
    }
}

fn tell(event: Value) {
    // Somebody who does not listen to the end misses nothing else.
    let _ = writeln!(io::stdout(), "{event}");
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn from_hex(text: &str) -> io::Result<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0);
    let digits = digits.ok_or_else(|| wrong(&format!("'{text}' is not hexadecimal")))?;
    Ok(digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit))
        .collect())
}

fn number<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse()
        .map_err(|_| wrong(&format!("'{text}' is no number that fits")))
}

struct Options<'w> {
    from: &'w str,
    qualifier: bool,
    approve: bool,
    calls: u32,
    actions: &'w [&'w str],
}

/// Sets up a socket by the options.
fn prepare<'w>(socket: &Socket, words: &'w [&'w str]) -> io::Result<Options<'w>> {
    let end = words.iter().position(|word| *word == "--");
    let (set, actions) = words.split_at(end.unwrap_or(words.len()));
    let mut options = Options {
        from: "",
        qualifier: false,
        approve: false,
        calls: 1,
        actions: actions.get(1..).unwrap_or_default(),
    };
    let mut facilities = socket.facilities()?;
    for word in set {
        let (option, value) = word
            .split_once('=')
            .ok_or_else(|| wrong(&format!("'{word}' is not OPTION=VALUE")))?;
        match option {
            "from" => options.from = value,
            "cud" => socket.set_call_user_data(&from_hex(value)?)?,
            "match" => socket.match_length(number(value)?)?,
            "packet" => {
                facilities.packet_in = number(value)?;
                facilities.packet_out = facilities.packet_in;
            }
            "window" => {
                facilities.window_in = number(value)?;
                facilities.window_out = facilities.window_in;
            }
            "reverse" => facilities.reverse = number(value)?,
            "extension" => socket.set_called_extension(value)?,
            "calls" => options.calls = number(value)?,
            "qualifier" => options.qualifier = value == "yes",
            "approve" => options.approve = value == "yes",
            _ => return Err(wrong(&format!("unknown option '{option}'"))),
        }
    }
    socket.set_facilities(facilities)?;
    if options.approve {
        socket.wait_for_approval()?;
    }
    Ok(options)
}

fn call(digits: &str, words: &[&str]) -> Done {
    let socket = Socket::open()?;
    let options = prepare(&socket, words)?;
    socket.bind(options.from)?;
    if let Err(error) = socket.connect(digits) {
        let [cause, diagnostic] = socket.cause()?;
        let why = error.to_string();
        tell(json!({"event": "refused", "cause": cause, "diagnostic": diagnostic, "why": why}));
        return Ok(());
    }
    tell(json!({"event": "connected", "facilities": shown(&socket)?}));
    act(&socket, &options)
}

fn listen(digits: &str, words: &[&str]) -> Done {
    let socket = Socket::open()?;
    let options = prepare(&socket, words)?;
    socket.bind(digits)?;
    socket.listen()?;
    tell(json!({"event": "listening", "address": digits}));
    for _ in 0..options.calls {
        let Some((circuit, from)) = socket.accept()? else {
            tell(json!({"event": "gone"}));
            continue;
        };
        tell(json!({
            "event": "accepted",
            "from": from,
            "cud": hex(&circuit.call_user_data()?),
            "extension": circuit.called_extension()?,
            "facilities": shown(&circuit)?,
        }));
        act(&circuit, &options)?;
    }
    Ok(())
}

fn shown(circuit: &Socket) -> io::Result<Value> {
    let facilities = circuit.facilities()?;
    Ok(json!({
        "window_in": facilities.window_in,
        "window_out": facilities.window_out,
        "packet_in": facilities.packet_in,
        "packet_out": facilities.packet_out,
        "throughput": facilities.throughput,
        "reverse": facilities.reverse,
    }))
}

fn act(circuit: &Socket, options: &Options<'_>) -> Done {
    if options.qualifier {
        circuit.include_qualifier()?;
    }
    for action in options.actions {
        let (word, rest) = action.split_once(':').unwrap_or((action, ""));
        match word {
            "send" => send(circuit, rest)?,
            "receive" => {
                let (file, octets) = rest
                    .rsplit_once(':')
                    .ok_or_else(|| wrong("receive:FILE:OCTETS"))?;
                receive(circuit, file, number(octets)?)?;
            }
            "data" => circuit.send(&from_hex(rest)?)?,
            "interrupt" => circuit.interrupt(&from_hex(rest)?)?,
            "next" => {
                next(circuit)?;
            }
            "echo" => while echo(circuit)? {},
            "sleep" => thread::sleep(Duration::from_secs(number(rest)?)),
            "accept" => circuit.approve()?,
            "facilities" => {
                tell(json!({"event": "facilities", "facilities": shown(circuit)?}));
            }
            "cause" => {
                let (cause, diagnostic) = rest
                    .split_once(',')
                    .ok_or_else(|| wrong("cause:CAUSE,DIAGNOSTIC"))?;
                circuit.set_cause([number(cause)?, number(diagnostic)?])?;
            }
            _ => return Err(wrong(&format!("unknown action '{action}'"))),
        }
    }
    tell(json!({"event": "done"}));
    Ok(())
}

fn send(circuit: &Socket, what: &str) -> Done {
    let (file, octets) = what.rsplit_once(':').unwrap_or((what, "1000"));
    let mut all = Vec::new();
    fs::File::open(file)?.read_to_end(&mut all)?;
    for message in all.chunks(number::<usize>(octets)?.max(1)) {
        circuit.send(message)?;
    }
    tell(json!({"event": "sent", "octets": all.len()}));
    Ok(())
}

fn receive(circuit: &Socket, file: &str, octets: usize) -> Done {
    let mut all = Vec::new();
    let mut messages = 0;
    while all.len() < octets {
        match circuit.receive()? {
            Received::Message(message) => {
                all.extend_from_slice(&message);
                messages += 1;
            }
            Received::Interrupt(data) => {
                tell(json!({"event": "interrupt", "data": hex(&data)}));
            }
            Received::Cleared => {
                cleared(circuit)?;
                break;
            }
        }
    }
    fs::write(file, &all)?;
    tell(json!({"event": "received", "octets": all.len(), "messages": messages}));
    Ok(())
}

fn cleared(circuit: &Socket) -> Done {
    let [cause, diagnostic] = circuit.cause()?;
    tell(json!({"event": "cleared", "cause": cause, "diagnostic": diagnostic}));
    Ok(())
}

/// `None`: the circuit is gone.
fn next(circuit: &Socket) -> io::Result<Option<Received>> {
    let received = circuit.receive()?;
    match &received {
        Received::Message(data) => tell(json!({"event": "data", "data": hex(data)})),
        Received::Interrupt(data) => tell(json!({"event": "interrupt", "data": hex(data)})),
        Received::Cleared => {
            cleared(circuit)?;
            return Ok(None);
        }
    }
    Ok(Some(received))
}

fn echo(circuit: &Socket) -> io::Result<bool> {
    match circuit.receive()? {
        Received::Message(data) => circuit.send(&data)?,
        Received::Interrupt(data) => circuit.interrupt(&data)?,
        Received::Cleared => {
            cleared(circuit)?;
            return Ok(false);
        }
    }
    Ok(true)
}
