//! Everything is opened before anything is served, and nothing is left behind when one part fails.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use wanbox_l2tpns_engine::concentrator::{Concentrator, Setup};
use wanbox_l2tpns_engine::config::Config;
use wanbox_l2tpns_engine::plane::Batch;
use wanbox_runtime::daemon::PidFile;
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::files::Root;
use wanbox_runtime::process::{self, Capability, Signal};
use wanbox_runtime::udp::ManySocket;
use wanbox_runtime::wall_clock::{WallTimer, unix_time};

use super::forward::Forward;
use super::interface::Interface;
use super::pump::{Daemon, Node, Sources};
use super::views::Measured;
use super::{Start, journal, owner, sockets};
use crate::cli::{self, Cli, Owners, Users};
use crate::files::Loaded;
use crate::metrics::Metrics;
use crate::plugins::{Filter, Plugins};

/// What fills the walled garden.
const BUILD_GARDEN: &str = "/etc/l2tpns/build-garden";

/// Opens all of it.
///
/// # Errors
/// For people: everything that is in the way of the sockets, or the first other thing.
pub fn open(start: &Start, loaded: Loaded) -> Result<(Loop, Daemon), String> {
    let Loaded {
        mut config,
        pool,
        subscribers,
        users,
        remarks,
    } = loaded;
    use_level(&mut config, start.level);
    let root = &start.files.root;
    root.make_run_dir().map_err(|error| error.to_string())?;
    let pid_file = claim(start, &config)?;
    let logging = journal::open(root, &config.log_file, config.debug, start.background)
        .map_err(|error| error.to_string())?;
    for remark in &remarks {
        log::warn!("{remark}");
    }
    let mut lp = Loop::new().map_err(|error| format!("cannot make a poll loop: {error}"))?;
    for signal in [
        Signal::Hangup,
        Signal::Terminate,
        Signal::Interrupt,
        Signal::Quit,
    ] {
        lp.watch_signal(signal)
            .map_err(|error| format!("cannot watch signals: {error}"))?;
    }
    let opened = open_sockets(&mut lp, &config)?;
    let mut interface = Interface::open(&config)?;
    let name = interface.tun.name().to_owned();
    let token = Token::new(owner::TUN, 0);
    let tun = lp
        .register(&interface.tun, token, Interest::Read, Priority::Data)
        .map_err(|error| format!("{name}: cannot wait for packets: {error}"))?;
    let networks = pool.all();
    for (network, bits) in &networks {
        interface
            .add_route((*network).into(), *bits)
            .map_err(|error| error.to_string())?;
    }
    name.clone_into(&mut config.tundevicename);
    let clock = WallTimer::new().map_err(|error| format!("cannot watch the clock: {error}"))?;
    let watched = clock.wait_for(None).and_then(|()| {
        let token = Token::new(owner::CLOCK, 0);
        lp.register(&clock, token, Interest::Read, Priority::Control)
    });
    watched.map_err(|error| format!("cannot watch the clock: {error}"))?;

    let cli = open_cli(&mut lp, root, &config, users)?;
    settle(&config)?;
    let machine = start.host_name.clone().unwrap_or_else(process::host_name);
    let seed = process::random().map_err(|error| format!("no random numbers: {error}"))?;
    let config = Arc::new(config);
    let mut engine = Concentrator::new(
        lp.now(),
        Setup {
            config: Arc::clone(&config),
            pool: pool.own,
            machine: machine.clone(),
            subscribers,
            radius_sockets: u8::try_from(opened.radius.len()).unwrap_or(u8::MAX),
            seed,
            unix: u64::try_from(unix_time()).unwrap_or(0),
        },
    );
    engine.configure_named_pools(&pool.named);
    let plugins = Plugins::new(
        owner::PLUGINS,
        root.path(&config.plugin_directory),
        root.path(BUILD_GARDEN),
        Filter::default(),
    );
    log::info!("{name} is up, {} tunnel sockets", opened.l2tp.len());
    let forward = Forward::new(&interface.tun);
    let node = Node {
        engine,
        config,
        pool: networks,
        files: start.files.clone(),
        background: start.background,
        interface,
        l2tp: opened.l2tp,
        control: Batch::new(false, false),
        requests: Batch::new(false, false),
        radius: opened.radius,
        dae: opened.dae,
        nsctl: opened.nsctl,
        logging,
        plugins,
        leaving: None,
        level: start.level,
        datagram: Vec::new(),
        asked_at: HashMap::new(),
        counters: Default::default(),
        machine,
        started: lp.now(),
        cleared: u64::try_from(unix_time()).unwrap_or(0),
        before: Default::default(),
        edges: Default::default(),
        measured: Measured::new(lp.now()),
        dumping: false,
    };
    let mut daemon = Daemon {
        node,
        forward,
        sources: Sources {
            tun,
            l2tp: opened.sources,
        },
        is_paused: false,
        cli,
        clock,
        metrics: opened.metrics,
        buffer: vec![0; 65_536],
        _pid_file: pid_file,
    };
    // What it wants from the beginning: deadlines, plugins.
    daemon.node.pump(&mut lp);
    Ok((lp, daemon))
}

/// The command line. Without telnet it goes on: the control socket is there.
fn open_cli(lp: &mut Loop, root: &Root, config: &Config, users: Users) -> Result<Cli, String> {
    let owners = Owners {
        telnet: owner::TELNET,
        control: owner::COMMANDS,
    };
    let mut cli = Cli::open(lp, owners, &cli::socket(root), users)
        .map_err(|error| format!("commands: {error}"))?;
    let address = config
        .cli_port
        .map(|port| SocketAddr::new(config.cli_bind_address, port));
    if let Some(address) = address
        && let Err(error) = cli.listen(lp, address)
    {
        log::error!("no telnet on {address}: {error}");
    }
    Ok(cli)
}

/// The level of the command line, where the configuration has none.
pub fn use_level(config: &mut Config, level: u8) {
    if config.debug == 0 {
        config.debug = level.into();
    }
}

/// One daemon a run directory, or a pid file of its own.
fn claim(start: &Start, config: &Config) -> Result<PidFile, String> {
    let path: PathBuf = match config.pid_file.as_str() {
        "" => start.files.root.run_dir().join("l2tpns.pid"),
        path => start.files.root.path(path),
    };
    PidFile::claim(&path).map_err(|error| error.to_string())
}

struct Sockets {
    l2tp: Vec<ManySocket>,
    sources: Vec<Source>,
    radius: Vec<ManySocket>,
    dae: Option<wanbox_runtime::answering::Answering>,
    nsctl: Option<wanbox_runtime::answering::Answering>,
    metrics: Option<Metrics>,
}

/// All sockets; what is in the way of any of them is said at once.
fn open_sockets(lp: &mut Loop, config: &Config) -> Result<Sockets, String> {
    let mut wrong = Vec::new();
    let mut note = |error: String| wrong.push(error);
    let (mut l2tp, mut sources) = (Vec::new(), Vec::new());
    for address in sockets::l2tp_addresses(config) {
        match sockets::l2tp(lp, l2tp.len(), address) {
            Ok((socket, source)) => {
                l2tp.push(socket);
                sources.push(source);
            }
            Err(error) => note(error),
        }
    }
    let radius = sockets::radius(lp, config).map_err(&mut note);
    let (dae, port) = (config.dae_bind_address, config.radius_dae_port);
    let dae = sockets::answering(lp, owner::DAE, "requests of RADIUS servers", dae, port);
    let dae = dae.map_err(&mut note);
    let nsctl = config.nsctl_port.map(|port| {
        let address = config.nsctl_bind_address;
        sockets::answering(lp, owner::NSCTL, "nsctl", address, port)
    });
    let nsctl = nsctl.transpose().map_err(&mut note);
    let metrics = config.metrics_address.map(|address| {
        Metrics::bind(lp, owner::METRICS, address)
            .map_err(|error| format!("metrics on {address}: {error}"))
    });
    let metrics = metrics.transpose().map_err(&mut note);
    match (radius, dae, nsctl, metrics) {
        (Ok(radius), Ok(dae), Ok(nsctl), Ok(metrics)) if wrong.is_empty() => Ok(Sockets {
            l2tp,
            sources,
            radius,
            dae: Some(dae),
            nsctl,
            metrics,
        }),
        _ => Err(wrong.join("\n")),
    }
}

/// What the kernel is asked for when all is open, and what is given up.
fn settle(config: &Config) -> Result<(), String> {
    if config.lock_pages {
        process::lock_pages().map_err(|error| format!("lock_pages: {error}"))?;
    }
    if config.scheduler_fifo {
        match process::run_first() {
            Ok(true) => {}
            Ok(false) => log::warn!("scheduler_fifo is left out: there is one processor"),
            Err(error) => return Err(format!("scheduler_fifo: {error}")),
        }
    }
    // For routes, for what plugins do about packets, and for sockets that a reload opens.
    let keep = [
        Capability::NetAdmin,
        Capability::NetRaw,
        Capability::NetBindService,
    ];
    process::drop_privileges(None, &keep).map_err(|error| error.to_string())
}
