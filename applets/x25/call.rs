//! `x25call`: calls an address and sends standard input to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv};
use wanbox_runtime::files::Root;
use wanbox_wire::x25::{MAX_FAST_USER_DATA, MAX_USER_DATA};
use wanbox_wire::x25api::{Call, Kind, Repr};

use crate::client::{self, Buffer, Connection};
use crate::ending::{Cleared, Ending, code};
use crate::relay::{self, Manner};
use crate::{Failure, facilities, hex};

const NAME: &str = "x25call";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "calls an X.25 address: standard input there, what comes to standard output",
    page: wanbox_grammar::page!(Args::get_args_info, "man/x25call.mdoc"),
    run,
};

/// The tag of the call.
const CALL: u32 = 1;

/// Calls an X.25 address; what standard input has goes there, what comes goes to standard output.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// the device, such as wanpipe1 (default: the only X.25 device that runs)
    #[argh(option, short = 'd', arg_name = "device")]
    device: Option<String>,

    /// the calling address, up to 15 digits (default: none)
    #[argh(option, short = 's', arg_name = "source", default = "String::new()")]
    source: String,

    /// call user data, in hexadecimal digits: up to 16 octets, with fast select 128
    #[argh(option, short = 'u', arg_name = "hex", default = "String::new()")]
    user_data: String,

    /// ask for a facility, again for more: packet=N[/N], window=N[/N], throughput=CLASS[/CLASS],
    /// reverse, fast, fast-restricted, cug=N, or a code and its parameter in hexadecimal digits
    #[argh(option, short = 'f', arg_name = "facility")]
    facility: Vec<String>,

    /// send data with the Q bit, and take such data as data
    #[argh(switch, short = 'Q')]
    qualified: bool,

    /// send data with the D bit: the other end itself confirms it
    #[argh(switch, short = 'D')]
    delivery: bool,

    /// clear when standard input has ended and the other end has everything, without waiting for
    /// what it sends
    #[argh(switch, short = 'N')]
    clear_at_end: bool,

    /// do not read standard input
    #[argh(switch, short = 'n')]
    no_input: bool,

    /// octets of standard input in one message, up to 32768 (default: 4096)
    #[argh(option, short = 'b', arg_name = "octets", default = "Manner::CHUNK")]
    block: usize,

    /// seconds to wait until the call is accepted (default: as long as the link waits)
    #[argh(option, short = 't', arg_name = "seconds")]
    timeout: Option<u32>,

    /// say at the end what became of the call, as JSON on standard error
    #[argh(switch)]
    json: bool,

    /// say what happens, on standard error
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the called address, up to 15 digits
    #[argh(positional)]
    address: String,
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    match call(&args) {
        Ok(exit) => exit,
        Err(failure) => failure.report(NAME),
    }
}

/// What is called, checked.
struct Wanted {
    facilities: Vec<u8>,
    data: Vec<u8>,
}

impl Wanted {
    fn read(args: &Args) -> Result<Self, String> {
        for (what, digits) in [("address", &args.address), ("source", &args.source)] {
            let most = Call::DIGITS;
            if digits.len() > most || !digits.bytes().all(|c| c.is_ascii_digit()) {
                return Err(format!(
                    "{what} '{digits}': an X.25 address has up to {most} digits"
                ));
            }
        }
        let facilities = facilities::read(&args.facility)?;
        let data = hex(&args.user_data)
            .ok_or_else(|| format!("user data '{}': not hexadecimal octets", args.user_data))?;
        let most = match facilities::are_fast(&facilities) {
            true => MAX_FAST_USER_DATA,
            false => MAX_USER_DATA,
        };
        if data.len() > most {
            let octets = data.len();
            return Err(format!(
                "{octets} octets of user data: {most} at most; with fast select {MAX_FAST_USER_DATA}"
            ));
        }
        if !Manner::CHUNKS.contains(&args.block) {
            let most = Manner::CHUNKS.end();
            return Err(format!("{} octets in a message: 1 to {most}", args.block));
        }
        Ok(Self { facilities, data })
    }
}

fn call(args: &Args) -> Result<Exit, Failure> {
    let wanted = Wanted::read(args).map_err(Failure::Usage)?;
    let manner = Manner {
        name: NAME,
        verbose: args.verbose,
        qualified: args.qualified,
        delivery: args.delivery,
        clear_at_end: args.clear_at_end,
        chunk: args.block,
    };
    let path = client::find(&Root::new(args.root.as_deref()), args.device.as_deref())?;
    let mut buffer = Buffer::new();
    let (connection, _) = Connection::open(&path, &mut buffer)?;
    let mut ending = Ending {
        device: connection.device(),
        called: args.address.clone(),
        calling: args.source.clone(),
        data: wanted.data.clone(),
        ..Ending::default()
    };
    let called = place(
        &connection,
        &mut buffer,
        args,
        &wanted,
        &manner,
        &mut ending,
    );
    if let Err(Failure::Failed(why)) = called {
        ending.trouble = Some(why);
        return Ok(ending.report(NAME, args.json, false));
    }
    let connection = Arc::new(connection);
    let input: Option<Box<dyn std::io::Read + Send>> = match args.no_input {
        true => None,
        false => Some(Box::new(Input)),
    };
    let output = Box::new(std::io::stdout().lock());
    relay::run(
        &connection,
        &mut buffer,
        input,
        Some(output),
        &manner,
        &mut ending,
    );
    Ok(ending.report(NAME, args.json, args.verbose))
}

/// Places the call, and returns when it is accepted.
fn place(
    connection: &Connection,
    buffer: &mut Buffer,
    args: &Args,
    wanted: &Wanted,
    manner: &Manner,
    ending: &mut Ending,
) -> Result<(), Failure> {
    let call = Call {
        called: &args.address,
        calling: &args.source,
        facilities: &wanted.facilities,
        data: &wanted.data,
    };
    let tag = CALL;
    manner.tell(format_args!(
        "calling {} over {}",
        args.address, ending.device
    ));
    connection.send(
        &Repr {
            tag,
            ..Repr::new(Kind::Call)
        },
        &call.octets(),
    )?;
    let deadline = args
        .timeout
        .and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds.into())));
    let Some((repr, payload)) = connection.answer(buffer, deadline)? else {
        let clear = Repr {
            diagnostic: code::ABNORMAL,
            ..Repr::new(Kind::Clear)
        };
        match connection.send(&clear, &[]) {
            // It has ended by itself meanwhile.
            Err(error) if client::is_over(&error) => {}
            done => done?,
        }
        return Err(Failure::Failed(format!(
            "the call was not answered within {} s",
            args.timeout.unwrap_or(0)
        )));
    };
    match repr.kind {
        Kind::Accept => {}
        Kind::Clear => {
            let cleared = Cleared::of(&repr);
            ending.cleared = Some(cleared);
            tell_data(manner, payload);
            return Err(Failure::Failed(format!("the call was cleared: {cleared}")));
        }
        _ => return Err(Failure::Failed("an answer that fits no call".to_owned())),
    }
    ending.channel = repr.channel;
    manner.tell(format_args!(
        "connected on logical channel {}",
        repr.channel
    ));
    tell_data(manner, payload);
    Ok(())
}

/// User data of the answer, with fast select.
fn tell_data(manner: &Manner, payload: &[u8]) {
    if let Ok(call) = Call::parse(payload)
        && !call.data.is_empty()
    {
        manner.tell(format_args!("user data {}", crate::unhex(call.data)));
    }
}

/// Standard input, unbuffered.
pub struct Input;

impl std::io::Read for Input {
    fn read(&mut self, octets: &mut [u8]) -> std::io::Result<usize> {
        wanbox_runtime::terminal::read_input(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(words: &str) -> Result<Wanted, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Wanted::read(&argv::read::<Args>(NAME, &words).unwrap())
    }

    #[test]
    fn limits_of_a_call() {
        let right = wanted("-u c0ff -f packet=256 -s 12 123456789012345").unwrap();
        assert_eq!((right.data, right.facilities.len()), (vec![0xc0, 0xff], 3));
        let long = "00".repeat(17);
        assert!(wanted(&format!("-u {long} -f fast 1")).is_ok());
        for (words, says) in [
            ("1234567890123456", "up to 15 digits"),
            ("12a", "address '12a'"),
            ("-s x 1", "source 'x'"),
            ("-u c 1", "user data 'c'"),
            (&format!("-u {long} 1"), "17 octets of user data: 16"),
            ("-f speed=1 1", "'speed=1'"),
            ("-b 0 1", "1 to 32768"),
        ] {
            let why = wanted(words).err().unwrap_or_default();
            assert!(why.contains(says), "{words}: {why}");
        }
    }
}
