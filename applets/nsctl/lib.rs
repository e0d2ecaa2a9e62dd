//! `nsctl`: commands to a running `l2tpns` and its plugins.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::argv::{self, Ended};
use wanbox_grammar::{Applet, Exit, generate, report};
use wanbox_runtime::datagram::Datagram;
use wanbox_runtime::files::Root;
use wanbox_runtime::resolver::{self, Family};
use wanbox_wire::nsctl::{self, Kind, MAX, Message, PORT};

const NAME: &str = "nsctl";

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[Applet {
    name: NAME,
    summary: "commands to a running l2tpns and its plugins",
    page: wanbox_grammar::page!(
        || generate::with_commands(Args::get_args_info(), COMMANDS),
        "man/nsctl.mdoc"
    ),
    run,
}];

const USAGE: &str = "Usage: nsctl [-d] [-h HOST[:PORT]] [-t TIMEOUT] COMMAND [ARG ...]";

const COMMANDS: &[(&str, &str)] = &[
    ("load_plugin", "load the named plugin"),
    ("unload_plugin", "unload the named plugin"),
    (
        "help",
        "list the commands of nsctl and of the loaded plugins",
    ),
];

/// What `help` says before the server is asked: these are commands of this program.
const HELP: &str = "\
Available commands:
  load_plugin PLUGIN                          Load named plugin
  unload_plugin PLUGIN                        Unload named plugin
  help                                        List available commands
";

/// How long the name of a host is looked up.
const RESOLVE_WITHIN: Duration = Duration::from_secs(10);

/// Send a command to a running l2tpns or to one of its plugins.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("--help"),
    usage = "[-d] [-h HOST[:PORT]] [-t TIMEOUT] COMMAND [ARG ...]"
)]
struct Args {
    /// print the messages, as they are sent and received, to standard error
    #[argh(switch, short = 'd')]
    debug: bool,

    /// the host of the l2tpns, and its port if that is not 1702 (default: 127.0.0.1)
    #[argh(
        option,
        short = 'h',
        arg_name = "HOST[:PORT]",
        default = "String::from(\"127.0.0.1\")"
    )]
    host: String,

    /// seconds to wait for the answer, 0 for ever (default: 2)
    #[argh(
        option,
        short = 't',
        arg_name = "TIMEOUT",
        default = "String::from(\"2\")"
    )]
    timeout: String,

    /// load_plugin PLUGIN, unload_plugin PLUGIN, help, or a command of a plugin and its arguments
    #[argh(positional, arg_name = "COMMAND")]
    words: Vec<String>,
}

fn run(args: &[String]) -> Exit {
    let args = match argv::read::<Args>(NAME, args) {
        Ok(args) => args,
        Err(Ended::Help(text)) => {
            report::output(&text);
            return Exit::DONE;
        }
        Err(Ended::Misuse(what)) => return misuse(what),
    };
    let (command, rest) = match args.words.split_first() {
        Some((command, rest)) if !command.is_empty() => (command, rest),
        _ => return misuse("the command is missing"),
    };
    match exchange(&args, command, rest) {
        Ok(exit) => exit,
        Err(why) => report::failure(NAME, why),
    }
}

/// Wrong usage ends with 1, as it always did here.
fn misuse(what: impl std::fmt::Display) -> Exit {
    report::error(NAME, what);
    report::line(USAGE);
    Exit::FAILED
}

fn exchange(args: &Args, command: &str, rest: &[String]) -> Result<Exit, String> {
    let (host, port) = host_and_port(&args.host)?;
    let timeout = match args.timeout.parse::<u32>() {
        Ok(0) => None,
        Ok(seconds) => Some(Duration::from_secs(seconds.into())),
        Err(_) => return Err(format!("invalid timeout `{}'", args.timeout)),
    };
    let (kind, arguments) = match command {
        "load_plugin" => (Kind::Load, rest),
        "unload_plugin" => (Kind::Unload, rest),
        "help" => (Kind::Help, rest),
        _ => (Kind::Control, &*args.words),
    };
    if kind == Kind::Help {
        report::output(HELP);
    }
    let request =
        nsctl::emit(kind, arguments).map_err(|why| format!("error packing request ({why})"))?;
    let address = resolve(host).ok_or_else(|| format!("invalid host `{host}'"))?;
    let socket = Datagram::udp(SocketAddr::new(address, port))
        .map_err(|why| format!("udp connect failed ({})", plain(&why)))?;
    if args.debug {
        dump("Sending", &request);
    }
    socket
        .send(&request)
        .map_err(|why| format!("error sending request ({})", plain(&why)))?;
    // One more than a message may have, so that a longer one is seen to be longer.
    let mut buffer = [0; MAX + 1];
    let length = receive(&socket, timeout, &mut buffer)
        .map_err(|why| format!("error receiving response ({})", plain(&why)))?;
    let answer = buffer.get(..length).unwrap_or_default();
    if args.debug {
        dump("Received", answer);
    }
    let message = Message::parse(answer).map_err(|fault| fault.to_string())?;
    match message.kind {
        Kind::Ok => {
            lines(&mut io::stdout().lock(), &message);
            Ok(Exit::DONE)
        }
        Kind::Error => {
            lines(&mut io::stderr().lock(), &message);
            Ok(Exit::FAILED)
        }
        Kind::Load | Kind::Unload | Kind::Help | Kind::Control => {
            Err("a request came where the response was expected".to_owned())
        }
    }
}

/// `HOST`, `HOST:PORT`, an IPv6 address as it is, or in brackets before a port.
fn host_and_port(text: &str) -> Result<(&str, u16), String> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, PORT));
    }
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => PORT,
        Some(port) => match port.parse() {
            Ok(number) if number != 0 => number,
            _ => return Err(format!("invalid port `{port}'")),
        },
    };
    Ok((host, port))
}

fn resolve(host: &str) -> Option<IpAddr> {
    let settings = resolver::Settings::below(&Root::new(None));
    resolver::resolve(host, Family::Any, &settings, RESOLVE_WITHIN)
        .ok()?
        .first()
        .copied()
}

/// The answer's length in the buffer; without a time limit it is waited for until it comes.
fn receive(socket: &Datagram, timeout: Option<Duration>, buffer: &mut [u8]) -> io::Result<usize> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        let left = deadline.map_or(Duration::from_secs(3600), |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        if let Some(length) = socket.receive_within(buffer, left)? {
            return Ok(length);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(io::Error::other("timed out"));
        }
    }
}

/// A system's error without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((plain, _)) => plain.to_owned(),
        None => text,
    }
}

/// The arguments, one a line.
fn lines(to: &mut dyn Write, message: &Message<'_>) {
    let mut text = Vec::new();
    for argument in message.arguments() {
        text.extend_from_slice(argument);
        text.push(b'\n');
    }
    // A reader that went away is no error.
    let _ = to.write_all(&text).and_then(|()| to.flush());
}

/// A message as `-d` shows it.
fn dump(what: &str, octets: &[u8]) {
    let Ok(message) = Message::parse(octets) else {
        return;
    };
    let kind = message.kind;
    let mut text = format!(
        "{what} Control packet:\n\tType: {} ({})\n\tArgs: {}",
        kind.octet(),
        kind.name(),
        message.arguments().count()
    )
    .into_bytes();
    for (n, argument) in message.arguments().enumerate() {
        text.extend_from_slice(if n == 0 { b" (\"" } else { b"\", \"" });
        text.extend_from_slice(argument);
    }
    if message.arguments().next().is_some() {
        text.extend_from_slice(b"\")");
    }
    text.extend_from_slice(b"\n\n");
    // Standard error is the last resort; a failure there cannot be reported.
    let _ = io::stderr().lock().write_all(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("127.0.0.1", "127.0.0.1", 1702),
            ("lns:1703", "lns", 1703),
            ("::1", "::1", 1702),
            ("[::1]", "::1", 1702),
            ("[2001:db8::1]:17", "2001:db8::1", 17),
        ] {
            assert_eq!(host_and_port(text), Ok((host, port)));
        }
        for (text, port) in [
            ("lns:", ""),
            ("lns:0", "0"),
            ("lns:65536", "65536"),
            ("lns:ldap", "ldap"),
            ("[::1]17x", "17x"),
        ] {
            assert_eq!(host_and_port(text), Err(format!("invalid port `{port}'")));
        }
    }

    #[test]
    fn errors_of_the_system_lose_their_number() {
        let refused = io::Error::from_raw_os_error(111);
        assert_eq!(plain(&refused), "Connection refused");
        assert_eq!(plain(&io::Error::other("timed out")), "timed out");
    }
}
