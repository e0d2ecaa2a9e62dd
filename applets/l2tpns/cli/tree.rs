//! The commands, and what may follow them.

use wanbox_grammar::commands::{Command, Hint, Modes, View};
use wanbox_l2tpns_engine::config::{ListType, Mode, VARIABLES};

use super::host::{BgpChange, Host};

/// The level of everybody.
pub(super) const USER: u8 = 0;
/// The level behind `enable`.
pub(super) const ENABLED: u8 = 15;

/// Where commands are given.
pub(super) const EXEC: Modes = Modes(1);
const CONFIG: Modes = Modes(2);
const STANDARD: Modes = Modes(4);
const EXTENDED: Modes = Modes(8);
const RULES: Modes = Modes(STANDARD.0 | EXTENDED.0);
const ROUTER: Modes = Modes(16);

/// What commands mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Help,
    Quit,
    Exit,
    History,
    Enable,
    Disable,
    Configure,
    TerminalLength,
    Show(Subject),
    ClearCounters,
    Uptime,
    Shutdown,
    Reload,
    WriteMemory,
    Snoop,
    NoSnoop,
    Throttle,
    NoThrottle,
    Filter,
    NoFilter,
    Debug,
    NoDebug,
    Bgp(BgpChange),
    DropUser,
    DropTunnel,
    DropSession,
    /// A line of configuration mode, by what may follow its words.
    Setting(Setting),
}

/// What `show` has below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    AccessList,
    Banana,
    Bgp,
    Cluster,
    Counters,
    HistogramIdle,
    HistogramOpen,
    IpCache,
    Plugins,
    Pool,
    Radius,
    RemoteLns,
    RunningConfig,
    Session,
    Tbf,
    Throttle,
    Tunnels,
    Users,
    Version,
}

/// Commands of configuration mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Set,
    SetForward,
    Plugin,
    AccessList,
    Router,
    Neighbour,
    Rule,
}

use Action::{Bgp, Show};

const fn privileged(name: &'static str, help: &'static str, action: Action) -> Command<Action> {
    Command::new(name, help, action).level(ENABLED).within(EXEC)
}

const fn line(
    name: &'static str,
    help: &'static str,
    setting: Setting,
    modes: Modes,
) -> Command<Action> {
    Command::new(name, help, Action::Setting(setting))
        .level(ENABLED)
        .within(modes)
}

const SHOW: &[Command<Action>] = &[
    Command::new("banana", "Show a banana", Show(Subject::Banana)),
    Command::new("bgp", "Show BGP status", Show(Subject::Bgp)),
    Command::new(
        "cluster",
        "Show cluster information",
        Show(Subject::Cluster),
    ),
    Command::new(
        "ipcache",
        "Show contents of the IP cache",
        Show(Subject::IpCache),
    ),
    Command::new(
        "plugins",
        "List all installed plugins",
        Show(Subject::Plugins),
    ),
    Command::new(
        "pool",
        "Show the IP address allocation pool",
        Show(Subject::Pool),
    ),
    Command::new(
        "radius",
        "Show active radius queries",
        Show(Subject::Radius),
    ),
    privileged(
        "running-config",
        "Show the currently running configuration",
        Show(Subject::RunningConfig),
    ),
    privileged(
        "remotelns-conf",
        "Show a list of remote LNS configuration",
        Show(Subject::RemoteLns),
    ),
    Command::new(
        "session",
        "Show a list of sessions or details for a single session",
        Show(Subject::Session),
    ),
    Command::new(
        "tbf",
        "List all token bucket filters in use",
        Show(Subject::Tbf),
    ),
    Command::new(
        "throttle",
        "List all throttled sessions and associated TBFs",
        Show(Subject::Throttle),
    ),
    Command::new(
        "tunnels",
        "Show a list of tunnels or details for a single tunnel",
        Show(Subject::Tunnels),
    ),
    Command::new(
        "users",
        "Show a list of all connected users or details of selected user",
        Show(Subject::Users),
    ),
    Command::new(
        "version",
        "Show currently running software version",
        Show(Subject::Version),
    ),
    Command::new(
        "access-list",
        "Show named access-list",
        Show(Subject::AccessList),
    ),
    Command::group(
        "histogram",
        &[
            Command::new(
                "idle",
                "Show histogram of session idle times",
                Show(Subject::HistogramIdle),
            ),
            Command::new(
                "open",
                "Show histogram of session durations",
                Show(Subject::HistogramOpen),
            ),
        ],
    ),
    Command::new(
        "counters",
        "Display all the internal counters and running totals",
        Show(Subject::Counters),
    ),
];

/// All commands, in the order in which they are listed.
pub(super) static TREE: &[Command<Action>] = &[
    Command::new("help", "Show available commands", Action::Help),
    Command::new("quit", "Disconnect", Action::Quit),
    Command::new("logout", "Disconnect", Action::Quit),
    Command::new("exit", "Exit from current mode", Action::Exit),
    Command::new(
        "history",
        "Show a list of previously run commands",
        Action::History,
    ),
    Command::new("enable", "Turn on privileged commands", Action::Enable).within(EXEC),
    privileged("disable", "Turn off privileged commands", Action::Disable),
    Command::group(
        "configure",
        &[privileged(
            "terminal",
            "Configure from the terminal",
            Action::Configure,
        )],
    ),
    Command::group(
        "terminal",
        &[Command::new(
            "length",
            "Set the number of lines of a screen",
            Action::TerminalLength,
        )],
    )
    .within(EXEC),
    Command::group("show", SHOW).within(EXEC),
    Command::group(
        "clear",
        &[privileged(
            "counters",
            "Clear internal counters",
            Action::ClearCounters,
        )],
    ),
    Command::new(
        "uptime",
        "Show uptime and bandwidth utilisation",
        Action::Uptime,
    )
    .within(EXEC),
    privileged(
        "shutdown",
        "Shutdown l2tpns daemon and exit",
        Action::Shutdown,
    ),
    privileged("reload", "Reload configuration", Action::Reload),
    Command::group(
        "write",
        &[
            privileged(
                "memory",
                "Save the running config to flash",
                Action::WriteMemory,
            ),
            // It shows secrets: not for everybody, as in the original.
            privileged(
                "terminal",
                "Show the running config",
                Show(Subject::RunningConfig),
            ),
        ],
    ),
    privileged("snoop", "Enable interception of a session", Action::Snoop),
    privileged(
        "throttle",
        "Enable throttling of a session",
        Action::Throttle,
    ),
    privileged("filter", "Add filtering to a session", Action::Filter),
    Command::new(
        "debug",
        "Set the level of logging that is shown on the console",
        Action::Debug,
    )
    .within(EXEC),
    Command::group(
        "suspend",
        &[privileged(
            "bgp",
            "Withdraw routes from BGP neighbour",
            Bgp(BgpChange::Suspend),
        )],
    ),
    Command::group(
        "router",
        &[line("bgp", "Configure BGP", Setting::Router, CONFIG)],
    ),
    line(
        "neighbour",
        "Configure BGP neighbour",
        Setting::Neighbour,
        ROUTER,
    ),
    Command::group(
        "load",
        &[line("plugin", "Load a plugin", Setting::Plugin, CONFIG)],
    ),
    Command::group(
        "remove",
        &[line("plugin", "Remove a plugin", Setting::Plugin, CONFIG)],
    ),
    line("set", "Set a configuration variable", Setting::Set, CONFIG),
    line(
        "setforward",
        "Set the Remote LNS Forward",
        Setting::SetForward,
        CONFIG,
    ),
    Command::group(
        "ip",
        &[line(
            "access-list",
            "Add named access-list",
            Setting::AccessList,
            CONFIG,
        )],
    ),
    line("permit", "Permit rule", Setting::Rule, RULES),
    line("deny", "Deny rule", Setting::Rule, RULES),
    Command::group(
        "no",
        &[
            privileged(
                "snoop",
                "Disable interception of a session",
                Action::NoSnoop,
            ),
            privileged(
                "throttle",
                "Disable throttling of a session",
                Action::NoThrottle,
            ),
            privileged(
                "filter",
                "Remove filtering from a session",
                Action::NoFilter,
            ),
            Command::new(
                "debug",
                "Turn off logging of a certain level of debugging",
                Action::NoDebug,
            )
            .within(EXEC),
            Command::group(
                "suspend",
                &[privileged(
                    "bgp",
                    "Advertise routes to BGP neighbour",
                    Bgp(BgpChange::Resume),
                )],
            ),
            Command::group(
                "ip",
                &[line(
                    "access-list",
                    "Remove named access-list",
                    Setting::AccessList,
                    CONFIG,
                )],
            ),
            line(
                "neighbour",
                "Remove BGP neighbour",
                Setting::Neighbour,
                ROUTER,
            ),
        ],
    ),
    Command::group(
        "restart",
        &[privileged("bgp", "Restart BGP", Bgp(BgpChange::Restart))],
    ),
    Command::group(
        "drop",
        &[
            privileged("user", "Disconnect a user", Action::DropUser),
            privileged(
                "tunnel",
                "Disconnect a tunnel and all sessions on that tunnel",
                Action::DropTunnel,
            ),
            privileged("session", "Disconnect a session", Action::DropSession),
        ],
    ),
];

/// What somebody sees of the tree.
pub(super) fn view(level: u8, mode: Option<&Mode>) -> View<'static> {
    View {
        level,
        modes: match mode {
            None => &[EXEC],
            Some(Mode::Global) => &[CONFIG],
            Some(Mode::AccessList(ListType::Standard, _)) => &[STANDARD, CONFIG],
            Some(Mode::AccessList(ListType::Extended, _)) => &[EXTENDED, CONFIG],
            Some(Mode::Router) => &[ROUTER, CONFIG],
        },
    }
}

/// The prompt behind the name.
pub(super) fn prompt(level: u8, mode: Option<&Mode>) -> &'static str {
    match mode {
        None if level >= ENABLED => "# ",
        None => "> ",
        Some(Mode::Global) => "(config)# ",
        Some(Mode::AccessList(ListType::Standard, _)) => "(config-std-nacl)# ",
        Some(Mode::AccessList(ListType::Extended, _)) => "(config-ext-nacl)# ",
        Some(Mode::Router) => "(config-router)# ",
    }
}

/// How many names of users are offered.
const MAX_NAMES: usize = 100;

/// What may follow a command and its first arguments. `mode` is where it was given, `typed` what
/// there is of the next word.
pub(super) fn arguments(
    host: &dyn Host,
    mode: Option<&Mode>,
    action: Action,
    before: &[String],
    typed: &str,
) -> Vec<Hint> {
    let place = before.len();
    let word = |word: &'static str, help: &'static str| Hint::word(word, Some(help));
    let users = |help: &'static str| {
        let names = host.users(typed, MAX_NAMES).into_iter();
        let mut hints = vec![Hint::kind("USER", help)];
        if !typed.is_empty() {
            hints.extend(names.map(|name| Hint::word(name, None)));
        }
        hints
    };
    let or_end = |mut hints: Vec<Hint>| {
        hints.push(Hint::end());
        hints
    };
    let lists = || {
        let mut hints = vec![Hint::kind("NAME", "Filter name")];
        hints.extend(
            host.access_lists()
                .into_iter()
                .map(|name| Hint::word(name, None)),
        );
        hints
    };
    let either_way = || match before {
        [_] | [_, _, _] => vec![
            word("in", "Set incoming filter"),
            word("out", "Set outgoing filter"),
        ],
        _ => lists(),
    };
    match action {
        Show(Subject::Session) => or_end(vec![Hint::kind(
            "<1-4294967295>",
            "Show specific session by id",
        )]),
        Show(Subject::Tunnels) => {
            let mut hints = vec![Hint::kind("<1-65535>", "Show specific tunnel by id")];
            if place == 0 {
                hints.insert(0, word("all", "Show all tunnels, including unused"));
            }
            or_end(hints)
        }
        Show(Subject::Users) => or_end(users("Show details for specific username")),
        Show(Subject::Pool) if place == 0 => or_end(vec![word(
            "all",
            "Show all pool addresses, including unused",
        )]),
        Show(Subject::Radius) if place == 0 => or_end(vec![word(
            "all",
            "Show all RADIUS sessions, including unused",
        )]),
        Show(Subject::AccessList) if place == 0 => lists(),
        Show(Subject::AccessList) => or_end(lists()),
        Show(Subject::Bgp) | Bgp(_) if place == 0 => {
            or_end(vec![Hint::kind("PEER", "Address or name of BGP neighbour")])
        }
        Action::TerminalLength if place == 0 => {
            vec![Hint::kind("<0-512>", "Lines of a screen; 0 for no pausing")]
        }
        Action::Snoop => match place {
            0 => users("Username of session to snoop"),
            1 => vec![Hint::kind("A.B.C.D", "IP address of snoop destination")],
            2 => vec![Hint::kind("N", "Port of snoop destination")],
            _ => vec![Hint::end()],
        },
        Action::Throttle => match before {
            [] => users("Username of session to throttle"),
            [_] => or_end(vec![
                Hint::kind("RATE", "Rate in kbps (in and out)"),
                word("in", "Select incoming rate"),
                word("out", "Select outgoing rate"),
            ]),
            [.., last] if matches!(last.as_str(), "in" | "out") => {
                vec![Hint::kind("RATE", "Rate in kbps")]
            }
            [_, direction, _] if matches!(direction.as_str(), "in" | "out") => or_end(vec![
                word("in", "Select incoming rate"),
                word("out", "Select outgoing rate"),
            ]),
            _ => vec![Hint::end()],
        },
        Action::Filter => match place {
            0 => users("Username of session to filter"),
            1 | 2 | 4 => either_way(),
            3 => or_end(either_way()),
            _ => vec![Hint::end()],
        },
        Action::NoSnoop => users_or_end(users("Username of session to unsnoop"), place),
        Action::NoThrottle => users_or_end(users("Username of session to unthrottle"), place),
        Action::NoFilter => {
            users_or_end(users("Username of session to remove filters from"), place)
        }
        Action::DropUser => users_or_end(users("Username of session to drop"), place),
        Action::DropSession if place == 0 => {
            vec![Hint::kind("<1-4294967295>", "Session id to drop")]
        }
        Action::DropTunnel if place == 0 => {
            vec![Hint::kind("<1-65535>", "Tunnel id to drop")]
        }
        Action::Debug | Action::NoDebug => {
            let all = if action == Action::Debug {
                "Enable debugging for all except \"data\""
            } else {
                "Disable all debugging"
            };
            let mut hints = vec![word("all", all)];
            hints.extend(
                super::debug::FLAGS
                    .iter()
                    .map(|(name, _)| Hint::word(*name, None)),
            );
            or_end(hints)
        }
        Action::Setting(setting) => setting_arguments(host, mode, setting, before),
        _ => vec![Hint::end()],
    }
}

fn users_or_end(mut hints: Vec<Hint>, place: usize) -> Vec<Hint> {
    if place > 0 {
        hints.push(Hint::end());
    }
    hints
}

/// What may follow in configuration mode.
fn setting_arguments(
    host: &dyn Host,
    mode: Option<&Mode>,
    setting: Setting,
    before: &[String],
) -> Vec<Hint> {
    let word = |word: &'static str, help: &'static str| Hint::word(word, Some(help));
    let place = before.len();
    match (setting, place) {
        (Setting::Set, 0) => VARIABLES
            .iter()
            .map(|variable| Hint::word(variable.name, None))
            .collect(),
        (Setting::Set, 1) => vec![Hint::kind("VALUE", "Value for variable")],
        (Setting::SetForward, 0) => {
            vec![Hint::kind(
                "MASK",
                "Users mask to forward (ex: myISP@operator.com)",
            )]
        }
        (Setting::SetForward, 1) => {
            vec![Hint::kind("IP", "IP of the remote LNS (ex: 66.66.66.55)")]
        }
        (Setting::SetForward, 2) => vec![Hint::kind("PORT", "Port of the remote LNS (ex: 1701)")],
        (Setting::SetForward, 3) => vec![Hint::kind("SECRET", "l2tp secret of the remote LNS")],
        (Setting::Plugin, 0) => vec![Hint::kind("PLUGIN", "Name of plugin")],
        (Setting::AccessList, 0) => vec![
            word("standard", "Standard syntax"),
            word("extended", "Extended syntax"),
        ],
        (Setting::AccessList, 1) => {
            let mut hints = vec![Hint::kind("NAME", "Access-list name")];
            hints.extend(
                host.access_lists()
                    .into_iter()
                    .map(|name| Hint::word(name, None)),
            );
            hints
        }
        (Setting::Router, 0) => vec![Hint::kind("<1-65535>", "Autonomous system number")],
        (Setting::Neighbour, 0) => vec![Hint::kind("A.B.C.D", "Address or name of BGP neighbour")],
        (Setting::Neighbour, 1) => vec![
            word("remote-as", "Set remote autonomous system number"),
            word("timers", "Set timers"),
            word("update-source", "Set source address"),
        ],
        (Setting::Rule, _) => rule_arguments(mode, before),
        _ => vec![Hint::end()],
    }
}

/// What may follow in a rule: its protocol and where its source begins.
fn rule_arguments(mode: Option<&Mode>, before: &[String]) -> Vec<Hint> {
    let word = |word: &'static str, help: &'static str| Hint::word(word, Some(help));
    let address = |of: [&'static str; 3]| {
        let [address, any, host] = of;
        vec![
            Hint::kind("A.B.C.D", address),
            word("any", any),
            word("host", host),
        ]
    };
    const SOURCE: [&str; 3] = ["Source address", "Any source address", "Source host"];
    const DESTINATION: [&str; 3] = [
        "Destination address",
        "Any destination address",
        "Destination host",
    ];
    let extended = matches!(mode, Some(Mode::AccessList(ListType::Extended, _)));
    let words: Vec<&str> = before.iter().map(String::as_str).collect();
    let (protocol, mut rest) = match *words {
        [] if extended => {
            return vec![
                word("ip", "Match IP packets"),
                word("tcp", "Match TCP packets"),
                word("udp", "Match UDP packets"),
            ];
        }
        [protocol, ref rest @ ..] if extended => (protocol, rest),
        ref rest => ("ip", rest),
    };
    for of in [SOURCE, DESTINATION] {
        rest = match rest {
            [] if of == DESTINATION && !extended => return vec![Hint::end()],
            [] => return address(of),
            ["any", rest @ ..] => rest,
            ["host"] => return vec![Hint::kind("A.B.C.D", "Host address")],
            ["host", _, rest @ ..] => rest,
            [_] => {
                let mut hints = vec![Hint::kind("A.B.C.D", "Wildcard bits")];
                if !extended {
                    hints.push(Hint::end());
                }
                return hints;
            }
            [_, _, rest @ ..] => rest,
        };
        if protocol != "ip" && extended {
            rest = match rest {
                ["range"] | ["range", _] => return vec![Hint::kind("PORT", "Port number")],
                ["range", _, _, rest @ ..] => rest,
                ["eq" | "neq" | "gt" | "lt"] => return vec![Hint::kind("PORT", "Port number")],
                ["eq" | "neq" | "gt" | "lt", _, rest @ ..] => rest,
                rest => rest,
            };
        }
    }
    if !extended {
        return vec![Hint::end()];
    }
    let mut hints = Vec::new();
    if rest.is_empty() {
        if protocol != "ip" {
            hints.extend([
                word("eq", "Match packets with given port"),
                word("neq", "Match packets without given port"),
                word("gt", "Match packets with higher port"),
                word("lt", "Match packets with lower port"),
                word("range", "Match packets in a range of ports"),
            ]);
        }
        if protocol == "tcp" {
            hints.extend([
                word("established", "Match established connections"),
                word("match-any", "Match any of the following flags"),
                word("match-all", "Match all of the following flags"),
            ]);
        }
        hints.push(word("fragments", "Match fragments behind the first"));
    }
    if let ["match-any" | "match-all", ..] = rest {
        const FLAGS: [&str; 12] = [
            "+fin", "-fin", "+syn", "-syn", "+rst", "-rst", "+psh", "-psh", "+ack", "-ack", "+urg",
            "-urg",
        ];
        hints.extend(FLAGS.map(|flag| Hint::word(flag, None)));
    }
    hints.push(Hint::end());
    hints
}
