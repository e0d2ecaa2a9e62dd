//! The options of the monitors, as they are written.

use argh::{ArgsInfo, FromArgs};

/// Asks a WAN link for its state, statistics and traffic.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    help_triggers("--help"),
    usage = "-i ADDRESS|INTERFACE [-u PORT] -c COMMAND [-d DLCI] [OPTION...]
       {command_name} -i ADDRESS|INTERFACE --top
       {command_name} -g
       {command_name} [f|t] LETTERS [DLCI] ADDRESS [PORT]",
    note = "Called without arguments it lists the commands."
)]
pub struct Options {
    /// the IPv4 address of the link's far end (asks by UDP), or the name of an interface of this
    /// host
    #[argh(option, short = 'i', arg_name = "ADDRESS|INTERFACE")]
    pub interface: Option<String>,
    /// UDP port of the management protocol, 9000 unless given
    #[argh(option, short = 'u', arg_name = "PORT")]
    pub port: Option<String>,
    /// key that the far end asks for (its UDP_KEY_FILE): allows every command from there
    #[argh(option, arg_name = "FILE")]
    pub key_file: Option<String>,
    /// what to do; see COMMANDS in the manual, or call without arguments
    #[argh(option, short = 'c', arg_name = "COMMAND")]
    pub command: Option<String>,
    /// the DLCI that the command is about, or the only one to trace (Frame Relay)
    #[argh(option, short = 'd', arg_name = "DLCI")]
    pub dlci: Option<String>,
    /// XML output
    #[argh(switch, short = 'x')]
    pub xml: bool,
    /// the logical channel that the command is about, or the only one to trace (X.25)
    #[argh(option, arg_name = "LCN")]
    pub lcn: Option<String>,
    /// JSON output with stable keys
    #[argh(switch)]
    pub json: bool,
    /// choose from menus
    #[argh(switch, short = 'g')]
    pub gui: bool,
    /// live view: line state, rates, errors, DLCIs; q or ESC ends it. Where standard output is no
    /// terminal, a plain sample an interval
    #[argh(switch)]
    pub top: bool,
    /// time between two samples of --top, such as 1s or 500ms
    #[argh(option, arg_name = "DURATION", default = "String::from(\"1s\")")]
    pub interval: String,
    /// trace: show frames in full length, else their first 39 octets
    #[argh(switch)]
    pub full: bool,
    /// trace: a line a frame
    #[argh(switch)]
    pub brief: bool,
    /// trace: with --brief, the octets of each frame too
    #[argh(switch)]
    pub hex: bool,
    /// trace: show what packets of X.25 carry for their users as ASCII characters
    #[argh(switch)]
    pub ascii: bool,
    /// trace: the same as EBCDIC characters
    #[argh(switch)]
    pub ebcdic: bool,
    /// trace: show the time of day instead of the adapter's milliseconds
    #[argh(switch)]
    pub systime: bool,
    /// trace: only frames of these protocols, of FR CHDLC PPP ETH IP X25 LAPB, joined by '-'
    #[argh(option, arg_name = "LIST")]
    pub prot: Option<String>,
    /// trace: only data (DATA) or only other packets (PROT) of X.25
    #[argh(option, arg_name = "DATA|PROT")]
    pub x25opt: Option<String>,
    /// trace: write a pcap file instead of showing frames
    #[argh(switch)]
    pub pcap: bool,
    /// trace: name of the pcap file, wp_trace_pcap.bin unless given; implies --pcap
    #[argh(option, arg_name = "FILE")]
    pub pcap_file: Option<String>,
    /// trace or --top: end after N frames or samples
    #[argh(option, arg_name = "N")]
    pub count: Option<u64>,
    /// trace: end after S seconds
    #[argh(option, arg_name = "S")]
    pub seconds: Option<u64>,
    /// explain the options of traces
    #[argh(switch)]
    pub traceinfo: bool,
    /// how long to wait for an answer each of four times, 5s unless given
    #[argh(option, arg_name = "DURATION")]
    pub timeout: Option<String>,
    /// directory that stands for / (instead of WANBOX_ROOT)
    #[argh(option, arg_name = "DIR")]
    pub root: Option<String>,
    /// arguments of the old form, or the settings of the command Tset
    #[argh(positional, arg_name = "WORD")]
    pub words: Vec<String>,
}
