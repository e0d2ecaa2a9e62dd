//! `eqld`: an eql master in user space, for kernels without the driver.
//!
//! | part | what it holds |
//! |---|---|
//! | [`daemon`] | the master's interface, its slaves, the poll loop |
//! | [`datapath`], [`packets`], [`flow`] | packets on their way through |
//! | [`port`] | the interface of a slave |
//! | [`watch`] | what the kernel tells of interfaces and neighbours |
//! | [`requests`], [`status`] | what commands ask and see |
//! | [`saved`] | what a killed daemon leaves for the next |
//!
//! Which slave carries a packet, and when, is decided in `engine/`.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use wanbox_eql_engine::{Config, Framing, Limits, Order, Scheduler};
use wanbox_grammar::{Applet, Exit, argv, report, value};
use wanbox_runtime::daemon::{PidFile, Started, start};
use wanbox_runtime::event_loop::Loop;
use wanbox_runtime::files::Root;
use wanbox_runtime::process::{self, Capability};
use wanbox_runtime::service::{self, Service};
use wanbox_runtime::tun;

use crate::control;
use daemon::{Conf, Daemon};

mod daemon;
mod datapath;
mod flow;
mod packets;
mod port;
mod requests;
mod saved;
mod status;
mod watch;

const NAME: &str = "eqld";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "balances load over serial links in user space",
    page: wanbox_grammar::page!(Args::get_args_info, "../man/eqld.mdoc"),
    run,
};

/// How long the daemon may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes an eql master in user space: an interface whose packets leave over slaves, each as
/// its rate allows. eql_enslave gives it slaves.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// stay in the foreground and log to standard error
    #[argh(switch, short = 'f')]
    foreground: bool,

    /// which slave gets a packet: finish, the one that will have sent it first (default), or
    /// priority, by the formula of the kernel's driver
    #[argh(
        option,
        arg_name = "how",
        default = "Scheduler::EarliestFinish",
        from_str_fn(scheduler)
    )]
    scheduler: Scheduler,

    /// keep the order of no packets (none, default) or of those of a flow (flow)
    #[argh(
        option,
        arg_name = "which",
        default = "Order::Free",
        from_str_fn(order)
    )]
    order: Order,

    /// MTU of the master, octets (default: 576)
    #[argh(option, arg_name = "octets")]
    mtu: Option<u32>,

    /// how many slaves it takes, 1 to 64 (default: 4)
    #[argh(option, arg_name = "number", default = "Config::default().max_slaves")]
    max_slaves: usize,

    /// what lines add to a packet: plain, slip, ppp-async, hdlc, ethernet, or a number of octets
    /// (default: by the kind of the interface)
    #[argh(option, arg_name = "what", from_str_fn(framing))]
    overhead: Option<Framing>,

    /// how long packets may wait for a line, such as 100ms (default)
    #[argh(
        option,
        arg_name = "time",
        default = "Limits::default().time",
        from_str_fn(queue)
    )]
    queue: Duration,

    /// how many packets may wait for a line, 2 to 65536 (default: 256)
    #[argh(option, arg_name = "number", default = "Limits::default().packets")]
    queue_packets: usize,

    /// log to this file too, reopened on SIGHUP
    #[argh(option, arg_name = "file")]
    log_file: Option<PathBuf>,

    /// log what is below notices too
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the name of the master's interface, such as eql
    #[argh(positional)]
    master: String,
}

fn scheduler(text: &str) -> Result<Scheduler, String> {
    match text {
        "finish" => Ok(Scheduler::EarliestFinish),
        "priority" => Ok(Scheduler::Priority(Default::default())),
        _ => Err(format!("'{text}' is no scheduler: finish and priority are")),
    }
}

fn order(text: &str) -> Result<Order, String> {
    match text {
        "none" => Ok(Order::Free),
        "flow" => Ok(Order::Flow),
        _ => Err(format!("'{text}' is no order: none and flow are")),
    }
}

fn framing(text: &str) -> Result<Framing, String> {
    match text {
        "plain" => Ok(Framing::PLAIN),
        "slip" => Ok(Framing::SLIP),
        "ppp-async" => Ok(Framing::PPP_ASYNC),
        "hdlc" => Ok(Framing::HDLC),
        "ethernet" => Ok(Framing::ETHERNET),
        _ => match text.parse() {
            Ok(octets @ 0..=256) => Ok(Framing {
                octets,
                ..Framing::PLAIN
            }),
            _ => Err(format!(
                "'{text}' is no overhead: plain, slip, ppp-async, hdlc, ethernet and 0 to 256 octets are"
            )),
        },
    }
}

fn queue(text: &str) -> Result<Duration, String> {
    value::duration(text, Duration::from_secs(1))
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    if let Err(error) = tun::check_name(&args.master) {
        return report::misuse(NAME, error);
    }
    let mut engine = Config {
        scheduler: args.scheduler,
        order: args.order,
        max_slaves: args.max_slaves,
        limits: Limits {
            time: args.queue,
            packets: args.queue_packets,
            ..Limits::default()
        },
        ..Config::default()
    };
    engine.mtu = args.mtu.unwrap_or(engine.mtu);
    if let Err(error) = engine.check() {
        return report::misuse(NAME, error);
    }
    let conf = Conf {
        name: args.master.clone(),
        mtu: args.mtu,
        engine,
        framing: args.overhead,
    };
    let root = Root::new(args.root.as_deref());
    let log_file = args.log_file.as_ref();
    let log_file = log_file.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    let readiness = match start(args.foreground, PATIENCE) {
        Ok(Started::Starter { .. }) => return Exit::DONE,
        Ok(Started::Daemon(readiness)) => readiness,
        Err(error) => return report::failure(NAME, error),
    };
    let (mut lp, mut daemon, pid_file) =
        match readiness.conclude(open(&root, conf, log_file, &args)) {
            Ok(opened) => opened,
            Err(text) => return text.map_or(Exit::FAILED, |text| report::failure(NAME, text)),
        };
    let ran = lp.run(&mut daemon);
    let closed = daemon.close();
    drop(pid_file);
    match (ran, closed) {
        (Ok(()), Ok(())) => Exit::DONE,
        (Err(error), _) => report::failure(NAME, format!("the poll loop failed: {error}")),
        (_, Err(error)) => {
            log::error!("{error}");
            report::failure(NAME, error)
        }
    }
}

fn open(
    root: &Root,
    conf: Conf,
    log_file: Option<PathBuf>,
    args: &Args,
) -> Result<(Loop, Daemon, PidFile), String> {
    let run_dir = root.run_dir();
    let level = if args.verbose {
        log::LevelFilter::Debug
    } else {
        log::LevelFilter::Info
    };
    let Service {
        mut lp,
        logging,
        pid_file,
    } = Service::open(
        root,
        service::Options {
            name: &format!("{NAME}[{}]", conf.name),
            subject: Some(&conf.name),
            pid_file: &control::pid_file(&run_dir, &conf.name),
            log_file,
            level,
            foreground: args.foreground,
        },
    )?;
    let daemon = Daemon::open(&mut lp, conf, run_dir, logging)?;
    // Neighbours and measurements need the first, slaves that come later the second.
    let keep = [Capability::NetAdmin, Capability::NetRaw];
    process::drop_privileges(None, &keep).map_err(|error| error.to_string())?;
    Ok((lp, daemon, pid_file))
}
