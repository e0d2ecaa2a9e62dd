//! `eql_dial attach`: a terminal becomes a SLIP interface, once its script has reached the other
//! end. What DSLIP's `runslip` did for each line.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Exit, report, value};
use wanbox_runtime::event_loop::{Handler, Interest, Loop, Priority, Readiness, Token};
use wanbox_runtime::files::Root;
use wanbox_runtime::netlink::{Address, Monitor, NetEvent, Netlink};
use wanbox_runtime::process::Signal;
use wanbox_runtime::slip::SlipPort;

use super::NAME;
use super::calls::{self, Way};
use super::control::Caller;

/// Run a script on a terminal, then make that a SLIP interface, and stay as long as it is one.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "attach", help_triggers("--help"))]
pub struct Attach {
    /// bits a second (default: 38400)
    #[argh(option, default = "38400", arg_name = "bps")]
    speed: u32,

    /// the interface's MTU, 68 to 65534
    #[argh(option, arg_name = "octets")]
    mtu: Option<u32>,

    /// the interface's address
    #[argh(option, arg_name = "addr")]
    address: Option<String>,

    /// the terminal
    #[argh(positional)]
    device: PathBuf,

    /// talks to the modem on its standard input and output
    #[argh(positional, greedy)]
    script: Vec<String>,
}

/// Runs the command.
pub fn run(root: &Root, file: &Path, attach: &Attach) -> Exit {
    let address = match attach.address.as_deref().map(value::ipv4).transpose() {
        Ok(address) => address,
        Err(what) => return report::misuse(NAME, what),
    };
    if attach.speed == 0 {
        return report::misuse(NAME, "a terminal at 0 bit/s would never send");
    }
    if attach.mtu.is_some_and(|mtu| !(68..=65_534).contains(&mtu)) {
        return report::misuse(NAME, "the MTU is 68 to 65534 octets");
    }
    match keep(root, file, attach, address) {
        Ok(()) => Exit::DONE,
        Err(what) => report::failure(NAME, what),
    }
}

fn keep(
    root: &Root,
    file: &Path,
    attach: &Attach,
    address: Option<Ipv4Addr>,
) -> Result<(), String> {
    let mut port = SlipPort::open(&attach.device, attach.speed)?;
    let script = attach.script.strip_prefix(&["--".to_owned()]);
    if let Some((program, words)) = script.unwrap_or(&attach.script).split_first() {
        let (input, output) = port.stdio().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        let ended = command.args(words).stdin(input).stdout(output).status();
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("{program}: {status}")),
            Err(error) => return Err(format!("cannot run {program}: {error}")),
        }
    }
    let interface = port.attach()?;
    set_up(&interface, attach.mtu, address)?;
    let caller = Caller {
        interface: interface.clone(),
        speed: Some(attach.speed.into()),
        pppd: Some(std::process::id()),
        ancestors: Vec::new(),
        device: Some(attach.device.clone()),
    };
    if let Err(failure) = calls::tell(root, file, Way::Up, &caller) {
        // It is an interface all the same, if nobody's slave.
        report::error(NAME, failure);
    }
    let ended = until_gone(&interface);
    // Whoever keeps it hears the same from the kernel.
    let _ = calls::tell(root, file, Way::Down, &caller);
    ended
}

fn set_up(interface: &str, mtu: Option<u32>, address: Option<Ipv4Addr>) -> Result<(), String> {
    let set = |netlink: &mut Netlink| {
        let index = netlink.link(interface)?.index;
        if let Some(mtu) = mtu {
            netlink.set_mtu(index, mtu)?;
        }
        if let Some(address) = address {
            let address = Address {
                local: address.into(),
                peer: None,
                prefix_len: 32,
                broadcast: None,
            };
            netlink.add_address(index, &address)?;
        }
        netlink.set_up(index, true)
    };
    Netlink::open()
        .and_then(|mut netlink| set(&mut netlink))
        .map_err(|error| error.to_string())
}

/// Waits until the interface is gone: the kernel takes it away when the terminal is hung up.
fn until_gone(interface: &str) -> Result<(), String> {
    let mut lp = Loop::new().map_err(|error| error.to_string())?;
    let monitor = Monitor::open().map_err(|error| error.to_string())?;
    // The terminal is to be a plain one again whoever ends this.
    for signal in [Signal::Terminate, Signal::Interrupt, Signal::Hangup] {
        lp.watch_signal(signal).map_err(|error| error.to_string())?;
    }
    // What happened before that nobody tells any more.
    if !is_up(interface) {
        return Ok(());
    }
    lp.register(&monitor, Token::new(0, 0), Interest::Read, Priority::Normal)
        .map_err(|error| error.to_string())?;
    let mut watch = Watch {
        monitor,
        interface,
        error: None,
    };
    lp.run(&mut watch).map_err(|error| error.to_string())?;
    watch.error.map_or(Ok(()), Err)
}

fn is_up(interface: &str) -> bool {
    let link = Netlink::open().and_then(|mut netlink| netlink.link(interface));
    link.is_ok_and(|link| link.is_up())
}

struct Watch<'w> {
    monitor: Monitor,
    interface: &'w str,
    error: Option<String>,
}

impl Handler for Watch<'_> {
    fn signal(&mut self, lp: &mut Loop, _signal: Signal) {
        lp.stop();
    }

    fn ready(&mut self, lp: &mut Loop, _token: Token, _readiness: Readiness) {
        let gone = loop {
            match self.monitor.poll_event() {
                Ok(None) => return,
                Ok(Some(NetEvent::LinkGone(link))) if link.name == self.interface => break true,
                // A terminal that is hung up leaves an interface that is down, and then none.
                Ok(Some(NetEvent::Link(link))) if link.name == self.interface && !link.is_up() => {
                    break true;
                }
                Ok(Some(NetEvent::Lost)) => {
                    break !is_up(self.interface);
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    self.error = Some(error.to_string());
                    break true;
                }
            }
        };
        if gone {
            lp.stop();
        }
    }
}
