//! `x25listen`: takes X.25 calls.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv};
use wanbox_runtime::files::Root;
use wanbox_wire::x25api::{Call, Kind, Pattern, Repr, is_pattern};

use crate::call::Input;
use crate::client::{self, Buffer, Connection};
use crate::ending::{Cleared, Ending, code};
use crate::relay::{self, Manner};
use crate::{Failure, facilities, hex, unhex};

const NAME: &str = "x25listen";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "takes X.25 calls: what comes to standard output, standard input to the caller",
    page: wanbox_grammar::page!(Args::get_args_info, "man/x25listen.mdoc"),
    run,
};

/// The tag of binding and listening.
const LISTENING: u32 = 1;
/// Calls that wait at a time, of those that one process serves at a time.
const CIRCUITS: usize = 512;

/// Takes X.25 calls: what comes goes to standard output, standard input goes to the caller.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// the device, such as wanpipe1 (default: the only X.25 device that runs)
    #[argh(option, short = 'd', arg_name = "device")]
    device: Option<String>,

    /// take calls to these addresses alone: digits, ? for any digit, * for any number of digits
    /// (default: *)
    #[argh(
        option,
        short = 'a',
        arg_name = "pattern",
        default = "String::from(\"*\")"
    )]
    address: String,

    /// take calls alone whose user data begin with these octets, in hexadecimal digits
    #[argh(option, short = 'u', arg_name = "hex", default = "String::new()")]
    user_data: String,

    /// go on after a call; without -e one call after the other, and standard input is not read
    #[argh(switch, short = 'k')]
    keep: bool,

    /// run this program (of the shell) for each call, at its standard input and output; its
    /// environment has X25_DEVICE, X25_CHANNEL, X25_CALLED, X25_CALLING and X25_USER_DATA
    #[argh(option, short = 'e', arg_name = "program")]
    program: Option<String>,

    /// accept with this facility, again for more: packet=N[/N], window=N[/N],
    /// throughput=CLASS[/CLASS], or a code and its parameter in hexadecimal digits
    #[argh(option, short = 'f', arg_name = "facility")]
    facility: Vec<String>,

    /// send data with the Q bit, and take such data as data
    #[argh(switch, short = 'Q')]
    qualified: bool,

    /// send data with the D bit: the other end itself confirms it
    #[argh(switch, short = 'D')]
    delivery: bool,

    /// clear when the input has ended and the caller has everything, without waiting for what it
    /// sends
    #[argh(switch, short = 'N')]
    clear_at_end: bool,

    /// do not read standard input
    #[argh(switch, short = 'n')]
    no_input: bool,

    /// octets of the input in one message, up to 32768 (default: 4096)
    #[argh(option, short = 'b', arg_name = "octets", default = "Manner::CHUNK")]
    block: usize,

    /// say of each call what became of it, as JSON on standard error
    #[argh(switch)]
    json: bool,

    /// say what happens, on standard error
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    match listen(&args) {
        Ok(exit) => exit,
        Err(failure) => failure.report(NAME),
    }
}

/// How calls are served.
#[derive(Clone)]
struct Service {
    manner: Manner,
    facilities: Vec<u8>,
    program: Option<String>,
    reads: bool,
    json: bool,
}

fn listen(args: &Args) -> Result<Exit, Failure> {
    if !is_pattern(&args.address) {
        return Err(Failure::Usage(format!(
            "'{}': digits, ? and *, up to {}",
            args.address,
            Pattern::MAX
        )));
    }
    let prefix = hex(&args.user_data).ok_or_else(|| {
        Failure::Usage(format!(
            "user data '{}': not hexadecimal octets",
            args.user_data
        ))
    })?;
    if !Manner::CHUNKS.contains(&args.block) {
        let most = Manner::CHUNKS.end();
        let why = format!("{} octets in a message: 1 to {most}", args.block);
        return Err(Failure::Usage(why));
    }
    let service = Service {
        manner: Manner {
            name: NAME,
            verbose: args.verbose,
            qualified: args.qualified,
            delivery: args.delivery,
            clear_at_end: args.clear_at_end,
            chunk: args.block,
        },
        facilities: facilities::read(&args.facility).map_err(Failure::Usage)?,
        program: args.program.clone(),
        reads: !args.no_input && !args.keep,
        json: args.json,
    };
    let path = client::find(&Root::new(args.root.as_deref()), args.device.as_deref())?;
    let mut buffer = Buffer::new();
    let (listener, _) = Connection::open(&path, &mut buffer)?;
    let tag = LISTENING;
    for (kind, payload) in [
        (Kind::Bind, args.address.as_bytes()),
        (Kind::Listen, &prefix[..]),
    ] {
        listener.send(
            &Repr {
                tag,
                ..Repr::new(kind)
            },
            payload,
        )?;
        listener.answer(&mut buffer, None)?;
    }
    let manner = &service.manner;
    let device = listener.device();
    manner.tell(format_args!("listening for {} on {device}", args.address));
    let circuits = Arc::new(());
    loop {
        let Some((repr, payload)) = listener.receive(&mut buffer, None)? else {
            continue;
        };
        if repr.kind != Kind::Call {
            continue;
        }
        let Some(incoming) = Incoming::read(&device, &repr, payload) else {
            continue;
        };
        if Arc::strong_count(&circuits) > CIRCUITS {
            let clear = Repr {
                tag: repr.tag,
                diagnostic: code::ABNORMAL,
                ..Repr::new(Kind::Clear)
            };
            listener.send(&clear, &[])?;
            continue;
        }
        if args.keep && args.program.is_some() {
            let (service, held) = (service.clone(), Arc::clone(&circuits));
            let path = listener.path().to_owned();
            let serve = move || {
                incoming.serve(&path, &service);
                drop(held);
            };
            thread::Builder::new().spawn(serve)?;
            continue;
        }
        let exit = incoming.serve(listener.path(), &service);
        // A call that was gone before it could be accepted is none.
        if let Some(exit) = exit.filter(|_| !args.keep) {
            return Ok(exit);
        }
    }
}

/// A call that came.
struct Incoming {
    tag: u32,
    ending: Ending,
}

impl Incoming {
    fn read(device: &str, repr: &Repr, payload: &[u8]) -> Option<Self> {
        let call = Call::parse(payload).ok()?;
        Some(Self {
            tag: repr.tag,
            ending: Ending {
                device: device.to_owned(),
                called: call.called.to_owned(),
                calling: call.calling.to_owned(),
                data: call.data.to_vec(),
                channel: repr.channel,
                ..Ending::default()
            },
        })
    }

    /// Accepts it, and serves it to its end. `None`: it could not be accepted.
    fn serve(mut self, path: &std::path::Path, service: &Service) -> Option<Exit> {
        let manner = &service.manner;
        let Ending {
            called, calling, ..
        } = &self.ending;
        manner.tell(format_args!("call of '{calling}' to '{called}'"));
        let mut buffer = Buffer::new();
        let connection = match self.accept(path, &mut buffer, service) {
            Ok(connection) => Arc::new(connection),
            Err(failure) => {
                failure.report(NAME);
                return None;
            }
        };
        let ending = &mut self.ending;
        match &service.program {
            None => {
                let input: Option<Box<dyn Read + Send>> = match service.reads {
                    true => Some(Box::new(Input)),
                    false => None,
                };
                let output: Box<dyn Write> = Box::new(std::io::stdout().lock());
                relay::run(
                    &connection,
                    &mut buffer,
                    input,
                    Some(output),
                    manner,
                    ending,
                );
            }
            Some(program) => with_program(&connection, &mut buffer, program, manner, ending),
        }
        // The circuit is free at once, not when a thread that still reads has ended.
        Some(ending.report(NAME, service.json, manner.verbose))
    }

    fn accept(
        &self,
        path: &std::path::Path,
        buffer: &mut Buffer,
        service: &Service,
    ) -> Result<Connection, Failure> {
        let (connection, _) = Connection::open(path, buffer)?;
        let answer = Call {
            facilities: &service.facilities,
            ..Call::default()
        };
        let accept = Repr {
            tag: self.tag,
            ..Repr::new(Kind::Accept)
        };
        connection.send(&accept, &answer.octets())?;
        match connection.answer(buffer, None)? {
            Some((repr, _)) if repr.kind == Kind::Accept => {}
            Some((repr, _)) if repr.kind == Kind::Clear => {
                let cleared = Cleared::of(&repr);
                let why = format!("the call was cleared: {cleared}");
                return Err(Failure::Failed(why));
            }
            _ => return Err(Failure::Failed("an answer that fits no call".to_owned())),
        }
        Ok(connection)
    }
}

/// Runs a program at the circuit.
fn with_program(
    connection: &Arc<Connection>,
    buffer: &mut Buffer,
    program: &str,
    manner: &Manner,
    ending: &mut Ending,
) {
    let mut child = match start(program, ending) {
        Ok(child) => child,
        Err(error) => {
            ending.trouble = Some(format!("{program}: {error}"));
            // The end of the connection is seen by the daemon anyway.
            let _ = connection.send(&Repr::new(Kind::Clear), &[]);
            return;
        }
    };
    let input = child.stdout.take();
    let output = child.stdin.take();
    let input = input.map(|input| Box::new(input) as Box<dyn Read + Send>);
    let output = output.map(|output| Box::new(output) as Box<dyn Write>);
    relay::run(connection, buffer, input, output, manner, ending);
    match child.wait() {
        Ok(status) if status.success() => {}
        Ok(status) => manner.tell(format_args!("{program}: {status}")),
        Err(error) => manner.tell(format_args!("{program}: {error}")),
    }
}

fn start(program: &str, ending: &Ending) -> std::io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", program])
        .env("X25_DEVICE", &ending.device)
        .env("X25_CHANNEL", ending.channel.to_string())
        .env("X25_CALLED", &ending.called)
        .env("X25_CALLING", &ending.calling)
        .env("X25_USER_DATA", unhex(&ending.data))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}
