//! The commands of each monitor: letters of both generations, menu section, what they do.

use crate::monitor::Monitor;

/// The sections of the menus, in their order.
pub const SECTIONS: [&str; 7] = [
    "Card Status",
    "Card Configuration",
    "Card Statistics",
    "Trace Data",
    "CSU DSU Config",
    "Driver Statistics",
    "Flush Statistics",
];

/// A command of a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Group letter and rest, as `-c` takes it.
    pub letters: &'static str,
    /// The words of the old form; empty when it had none.
    pub old: &'static str,
    /// Other spellings, which usage texts and menus of the originals had.
    pub also: &'static [&'static str],
    /// What it does, for people.
    pub about: &'static str,
    /// Whether it needs a DLCI, or a logical channel, other than 0.
    pub needs_channel: bool,
}

impl Command {
    /// The menu section, an index of [`SECTIONS`].
    pub fn section(&self) -> usize {
        match self.group() {
            'x' => 0,
            'c' => 1,
            's' => 2,
            't' => 3,
            'T' => 4,
            'd' => 5,
            _ => 6,
        }
    }

    /// The group letter.
    pub fn group(&self) -> char {
        self.letters.chars().next().unwrap_or_default()
    }

    /// Whether it shows frames of the line.
    pub fn is_trace(&self) -> bool {
        self.group() == 't'
    }
}

const fn command(letters: &'static str, old: &'static str, about: &'static str) -> Command {
    Command {
        letters,
        old,
        also: &[],
        about,
        needs_channel: false,
    }
}

const fn spelled(
    letters: &'static str,
    old: &'static str,
    also: &'static [&'static str],
    about: &'static str,
) -> Command {
    Command {
        also,
        ..command(letters, old, about)
    }
}

const fn of_channel(letters: &'static str, old: &'static str, about: &'static str) -> Command {
    Command {
        needs_channel: true,
        ..command(letters, old, about)
    }
}

const FRAME_RELAY: &[Command] = &[
    command("xm", "m", "Modem Status"),
    command("xl", "s", "Link Status"),
    command("xru", "u", "Display Router UP Time"),
    command("cl", "a", "Active DLCIs"),
    command("clr", "", "DLCIs reported by the switch"),
    command("sg", "g", "Global Statistics"),
    command("sc", "c", "Communication Error Statistics"),
    command("se", "e", "Error Statistics"),
    of_channel("sd", "i", "Statistics of a DLCI"),
    command("ti", "l", "Trace and interpret all frames"),
    command("ti4", "", "Trace and interpret all frames, IPv4 in detail"),
    command("tip", "", "Trace and interpret protocol frames"),
    command("tid", "", "Trace and interpret data frames"),
    command("tr", "lr", "Trace all frames, raw"),
    command("trp", "", "Trace protocol frames, raw"),
    command("trd", "", "Trace data frames, raw"),
    command("Tv", "t v", "CSU/DSU: view status"),
    command("Ts", "t s", "CSU/DSU: self test"),
    command("Tl", "t l", "CSU/DSU: line loop test"),
    command("Td", "t d", "CSU/DSU: digital loop test"),
    command("Tr", "t r", "CSU/DSU: remote test"),
    command("To", "t o", "CSU/DSU: operational mode"),
    command("ds", "ds", "Driver: If_Send Statistics"),
    command("di", "di", "Driver: Interrupt Statistics"),
    command("dg", "dg", "Driver: General Statistics"),
    command("fg", "f g", "Flush Global Statistics"),
    command("fc", "f c", "Flush Communication Error Statistics"),
    command("fe", "f e", "Flush Error Statistics"),
    of_channel("fi", "f i", "Flush the Statistics of a DLCI"),
    command("fd", "f d", "Flush Driver Statistics"),
];

const CISCO_HDLC: &[Command] = &[
    command("xm", "m", "Modem Status"),
    command("xl", "x", "Link Status"),
    command("xcv", "a", "Code Version"),
    command("xru", "j", "Display Router UP Time"),
    command("crc", "g", "CHDLC Configuration"),
    command("creset", "", "Reset the link"),
    command("sg", "i", "Global Statistics"),
    command("sc", "e", "Communication Error Statistics"),
    command("so", "l", "Operational Statistics"),
    command("ss", "", "SLARP and CDP Statistics"),
    command("ti", "q", "Trace and interpret all frames"),
    command("tip", "", "Trace and interpret protocol frames"),
    command("tid", "", "Trace and interpret data frames"),
    command("tr", "qr", "Trace all frames, raw"),
    command("tra", "", "Trace all frames, raw"),
    command("trp", "", "Trace protocol frames, raw"),
    command("trd", "", "Trace data frames, raw"),
    command("Tv", "t v", "CSU/DSU: view status"),
    command("Ts", "t s", "CSU/DSU: self test"),
    command("Tl", "t l", "CSU/DSU: line loop test"),
    command("Td", "t d", "CSU/DSU: digital loop test"),
    command("Tr", "t r", "CSU/DSU: remote test"),
    command("To", "t o", "CSU/DSU: operational mode"),
    command("Tp", "", "CSU/DSU: operational statistics"),
    command("Tf", "", "CSU/DSU: flush operational statistics"),
    command("Tset", "", "CSU/DSU: set the configuration"),
    command("Tread", "", "CSU/DSU: read the configuration"),
    command("fg", "f i", "Flush Global Statistics"),
    command("fc", "f e", "Flush Communication Error Statistics"),
    command("fo", "f l", "Flush Operational Statistics"),
    command("fs", "", "Flush SLARP and CDP Statistics"),
];

const PPP: &[Command] = &[
    command("xm", "m", "Modem Status"),
    command("xn", "n", "What was negotiated last"),
    command("xru", "j", "Display Router UP Time"),
    command("xu", "u", "PPP Timers and Counters"),
    command("xs", "s", "State of the Link"),
    command("xc", "c", "Cause of the last Failure"),
    command("cg", "g", "General Configuration"),
    command("ca", "a", "Authentication Configuration"),
    command("ci", "i", "IP Configuration"),
    command("cx", "x", "IPX Configuration"),
    command("sg", "l", "General Statistics"),
    command("sc", "e", "Communication Error Statistics"),
    command("sp", "p", "Packet Statistics"),
    spelled("slpc", "r", &["slcp"], "LCP Statistics"),
    command("slo", "b", "Loopback Statistics"),
    spelled("sipc", "o", &["sipcp"], "IPCP Statistics"),
    spelled("sxpc", "y", &["sipxc", "sipxcp"], "IPXCP Statistics"),
    command("spap", "w", "PAP Statistics"),
    spelled("schp", "h", &["schap"], "CHAP Statistics"),
    command("ti", "q", "Trace and interpret all frames"),
    command("tip", "", "Trace and interpret protocol frames"),
    command("tid", "", "Trace and interpret data frames"),
    command("tr", "qr", "Trace all frames, raw"),
    command("trp", "", "Trace protocol frames, raw"),
    command("trd", "", "Trace data frames, raw"),
    command("Tv", "t v", "CSU/DSU: view status"),
    command("Ts", "t s", "CSU/DSU: self test"),
    command("Tl", "t l", "CSU/DSU: line loop test"),
    command("Td", "t d", "CSU/DSU: digital loop test"),
    command("Tr", "t r", "CSU/DSU: remote test"),
    command("To", "t o", "CSU/DSU: operational mode"),
    spelled("ds", "ds", &["d ds"], "Driver: If_Send Statistics"),
    spelled("di", "di", &["d di"], "Driver: Interrupt Statistics"),
    spelled("dg", "dg", &["d dg"], "Driver: General Statistics"),
    command("fg", "f l", "Flush General Statistics"),
    command("fc", "f e", "Flush Communication Error Statistics"),
    command("fp", "f p", "Flush Packet Statistics"),
    spelled("flcp", "f r", &["flpc"], "Flush LCP Statistics"),
    command("flo", "f b", "Flush Loopback Statistics"),
    spelled("fipc", "f o", &["fipcp"], "Flush IPCP Statistics"),
    spelled("fipxc", "f y", &["fxpc", "fxpcp"], "Flush IPXCP Statistics"),
    command("fpap", "f w", "Flush PAP Statistics"),
    spelled("fchp", "f h", &["fchap"], "Flush CHAP Statistics"),
    command("fd", "f d", "Flush Driver Statistics"),
];

const X25: &[Command] = &[
    command("xm", "", "Modem Status"),
    command("xl", "", "Link Status"),
    command("xcv", "", "Code Version"),
    command("xru", "", "Display Router UP Time"),
    command("cg", "", "X.25 Configuration"),
    command("cl", "", "Active Channels"),
    of_channel("cc", "", "Configuration and Traffic of a Channel"),
    command("sc", "", "Communication Error Statistics"),
    command("sx", "", "X.25 Statistics"),
    command("sh", "", "HDLC Statistics"),
    command("ti", "", "Trace and interpret all frames"),
    command("tip", "", "Trace and interpret protocol frames"),
    command("tid", "", "Trace and interpret data frames"),
    command("tr", "", "Trace all frames, raw"),
    command("trp", "", "Trace protocol frames, raw"),
    command("trd", "", "Trace data frames, raw"),
    command("ds", "", "Driver: If_Send Statistics"),
    command("di", "", "Driver: Interrupt Statistics"),
    command("dg", "", "Driver: General Statistics"),
    command("fc", "", "Flush Communication Error Statistics"),
    command("fh", "", "Flush HDLC Statistics"),
    command("fx", "", "Flush X.25 Statistics"),
    command("fd", "", "Flush Driver Statistics"),
];

/// All commands of a monitor.
pub const fn all(monitor: Monitor) -> &'static [Command] {
    match monitor {
        Monitor::FrameRelay => FRAME_RELAY,
        Monitor::CiscoHdlc | Monitor::MultiPpp => CISCO_HDLC,
        Monitor::Ppp => PPP,
        Monitor::X25 => X25,
    }
}

/// The command with these letters.
pub fn find(monitor: Monitor, letters: &str) -> Option<Command> {
    all(monitor)
        .iter()
        .copied()
        .find(|c| c.letters == letters || c.also.contains(&letters))
}

/// The command of these words of the old form, such as `m` or `f g`.
pub fn find_old(monitor: Monitor, words: &str) -> Option<Command> {
    all(monitor)
        .iter()
        .copied()
        .find(|c| !c.old.is_empty() && c.old == words)
}

/// What the monitor says to letters that it does not know.
pub fn unknown(monitor: Monitor, letters: &str) -> String {
    let name = monitor.name();
    let group = letters.chars().next().unwrap_or(' ');
    let kind = match group {
        'x' => "Status ",
        's' => "Statistics ",
        'c' => "Configuration ",
        't' => "Trace ",
        'd' if matches!(monitor, Monitor::Ppp | Monitor::X25) => "Driver Stat ",
        'f' => "Flush ",
        'T' => "FT1/T1/E1 ",
        _ => "",
    };
    match monitor {
        Monitor::FrameRelay if "xstcdfT".contains(group) => {
            format!("ERROR: Invalid Status Command '{group}', Type {name} <cr> for help")
        }
        Monitor::FrameRelay => format!("ERROR: Invalid Command, Type {name} <cr> for help"),
        Monitor::Ppp | Monitor::X25 => {
            format!("ERROR: Invalid {kind}Command '{group}', Type {name} <cr> for help")
        }
        Monitor::CiscoHdlc | Monitor::MultiPpp => {
            format!("ERROR: Invalid {kind}Command '{group}'\nERROR: Type {name} <cr> for help")
        }
    }
}

/// The short help: usage and all commands.
pub fn help(monitor: Monitor) -> String {
    let name = monitor.name();
    let channel = match monitor {
        Monitor::FrameRelay => " [-d DLCI]",
        Monitor::X25 => " [-lcn LCN]",
        _ => "",
    };
    let mut text = format!(
        "\nUsage: {name} -i <ip-address or interface name> [-u <port>] -c <command>{channel} \
         [-full] [-x]\n       {name} [f|t] <letters> [<dlci>] <ip-address> [<port>]\n\
         \nThe command is one of:\n"
    );
    for (index, section) in SECTIONS.iter().enumerate() {
        let mut commands = all(monitor)
            .iter()
            .filter(|c| c.section() == index)
            .peekable();
        if commands.peek().is_none() {
            continue;
        }
        text.push_str(&format!("\n  {section}\n"));
        for command in commands {
            text.push_str(&format!("    {:<8}{}\n", command.letters, command.about));
        }
    }
    text.push_str(&format!(
        "\nOptions: {name} --help.  Traces: {name} -traceinfo.\n\n"
    ));
    text
}
